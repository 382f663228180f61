create schema counting;

create table counting.purse (
    id uuid primary key,
    balance integer not null
);

create table counting.entry (
    entry_no bigint generated always as identity primary key,
    purse uuid not null,
    balance_after integer not null
);

create function counting.writes_two(p_id uuid) returns void
language plpgsql
as $$
declare
    v_doubled integer;
begin
    update counting.purse set balance = balance + 1 where id = p_id;
    v_doubled := 2 * 21;
    update counting.purse set balance = balance + v_doubled where id = p_id;
end
$$;

create function counting.writes_three(p_id uuid) returns void
language plpgsql
as $$
begin
    update counting.purse set balance = balance + 1 where id = p_id;
    update counting.purse set balance = balance + 1 where id = p_id;
    if p_id is not null then
        update counting.purse set balance = balance + 1 where id = p_id;
    end if;
end
$$;

create function counting.sql_two(p_id uuid) returns void
language sql
as $$
    update counting.purse set balance = balance + 1 where id = p_id;
    update counting.purse set balance = balance + 1 where id = p_id;
$$;

-- One step before its query, and one before it returns, for the caller's statement goes on.
create function counting.reads(p_id uuid) returns integer
language plpgsql
as $$
declare
    v_balance integer;
begin
    select balance into v_balance from counting.purse where id = p_id;
    return v_balance;
end
$$;

create function counting.calls(p_id uuid) returns void
language plpgsql
as $$
begin
    update counting.purse set balance = counting.reads(p_id) + 1 where id = p_id;
end
$$;

create function counting.balance(p_id uuid) returns integer
language sql
stable
as $$ select balance from counting.purse where id = p_id $$;

create function counting.refuses(p_id uuid) returns void
language plpgsql
as $$
begin
    raise exception 'no';
end
$$;

-- Reads, decides and writes: a lost update for two, an overdraft for three.
create function counting.spend(p_id uuid, p_amount integer) returns integer
language plpgsql
as $$
declare
    v_balance integer;
begin
    select balance into v_balance from counting.purse where id = p_id;
    if v_balance < p_amount then
        raise exception 'INSUFFICIENT: %', v_balance;
    end if;
    update counting.purse set balance = balance - p_amount where id = p_id;
    insert into counting.entry (purse, balance_after) values (p_id, v_balance - p_amount);
    return v_balance - p_amount;
end
$$;

create function counting.transfer(p_from uuid, p_to uuid) returns void
language plpgsql
as $$
begin
    update counting.purse set balance = balance - 1 where id = p_from;
    update counting.purse set balance = balance + 1 where id = p_to;
end
$$;

create table counting.visit (purse uuid not null);

-- Locks a purse inside a block that fails, and so gives the lock up before the statement is through.
create function counting.looks_in() returns trigger
language plpgsql
as $$
begin
    begin
        update counting.purse set balance = 0 where id = new.purse;
        perform 1 from counting.entry;
        raise exception 'never mind';
    exception
        when raise_exception then
            null;
    end;
    insert into counting.entry (purse, balance_after)
    select id, balance from counting.purse where id = new.purse;
    return new;
end
$$;

create trigger looks_in before insert on counting.visit
for each row execute function counting.looks_in();

-- Plays moves "word:purse:number": reads, locks and writes purses as it is told.
create function counting.play(p_ids uuid[], p_moves text[]) returns integer
language plpgsql
as $$
declare
    v_move text;
    v_word text;
    v_id uuid;
    v_number integer;
    v_seen integer := 100;
begin
    foreach v_move in array p_moves loop
        v_word := split_part(v_move, ':', 1);
        v_id := p_ids[split_part(v_move, ':', 2)::integer];
        v_number := split_part(v_move, ':', 3)::integer;
        if v_word = 'read' then
            select balance into v_seen from counting.purse where id = v_id;
        elsif v_word = 'lock' then
            select balance into v_seen from counting.purse where id = v_id for no key update;
        elsif v_word = 'nowait' then
            select balance into v_seen from counting.purse where id = v_id for update nowait;
        elsif v_word = 'skip' then
            select coalesce(sum(balance), 0) into v_seen
            from (select balance from counting.purse where id = v_id for update skip locked) as free;
        elsif v_word = 'add' then
            update counting.purse set balance = balance + v_number where id = v_id;
        elsif v_word = 'set' then
            update counting.purse set balance = v_seen + v_number where id = v_id;
        elsif v_word = 'note' then
            insert into counting.entry (purse, balance_after) values (v_id, v_seen + v_number);
        elsif v_word = 'count' then
            select count(*) into v_seen from counting.entry;
        elsif v_word = 'once' then
            insert into counting.entry (purse, balance_after)
            select v_id, v_number
            where not exists (select from counting.entry where purse = v_id);
        elsif v_word = 'need' and v_seen < v_number then
            raise exception 'INSUFFICIENT: %', v_seen;
        end if;
    end loop;
    return v_seen;
end
$$;
