create schema racy;

-- Lost update: the balance is written from what was read without a lock.
create table racy.member (id uuid primary key, points integer not null);

create function racy.redeem(p_member uuid, p_points integer) returns integer
language plpgsql
as $$
declare
    v_points integer;
begin
    select member.points into v_points from racy.member where member.id = p_member;
    if v_points < p_points then
        raise exception 'TOO_FEW: %', v_points;
    end if;
    update racy.member set points = v_points - p_points where member.id = p_member;
    return v_points - p_points;
end
$$;

-- Double apply: whether the event is known is asked before anything is locked.
create table racy.account (id uuid primary key, couple uuid, amount integer not null);
create table racy.event (id text not null, account_id uuid not null, amount integer not null);

create function racy.receive(p_event text, p_account uuid, p_amount integer) returns void
language plpgsql
as $$
begin
    if exists (select from racy.event where event.id = p_event) then
        return;
    end if;
    update racy.account set amount = account.amount + p_amount where account.id = p_account;
    insert into racy.event (id, account_id, amount) values (p_event, p_account, p_amount);
end
$$;

-- Write skew: the limit is on two accounts together, and each call writes one of them.
create function racy.draw(p_account uuid, p_amount integer) returns void
language plpgsql
as $$
declare
    v_together bigint;
begin
    select sum(theirs.amount)
    into v_together
    from racy.account as mine
    inner join racy.account as theirs on mine.couple = theirs.couple
    where mine.id = p_account;
    if v_together < p_amount then
        raise exception 'LIMIT: %', v_together;
    end if;
    update racy.account set amount = account.amount - p_amount where account.id = p_account;
end
$$;

-- Phantom: that no overlapping hours are there yet says nothing of those that are being written.
create table racy.slot (team text not null, hours int4range not null);

create function racy.book(p_team text, p_first integer, p_last integer) returns void
language plpgsql
as $$
begin
    if exists (select from racy.slot where slot.hours && int4range(p_first, p_last)) then
        raise exception 'OCCUPIED';
    end if;
    insert into racy.slot (team, hours) values (p_team, int4range(p_first, p_last));
end
$$;
