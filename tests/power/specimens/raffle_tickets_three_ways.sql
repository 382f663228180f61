-- title: A ticket is bought, given away and refunded at once
-- class: status_acted_on_twice
-- construct: three sessions, searched case, delete returning
-- anomaly: not serializable

-- @schema
create schema raffle;
create table raffle.ticket (no integer primary key, owner text not null);
create table raffle.purse (owner text primary key, cents integer not null);

-- @racy
create function raffle.refund(p_no integer) returns text language plpgsql as $$
declare
    t raffle.ticket;
begin
    select * into t from raffle.ticket where no = p_no;
    case
        when t.no is null then return 'gone';
        else
            delete from raffle.ticket where no = p_no;
            update raffle.purse set cents = cents + 100 where owner = t.owner;
            return t.owner;
    end case;
end $$;
create function raffle.give(p_no integer, p_to text) returns boolean language plpgsql as $$
begin
    update raffle.ticket set owner = p_to where no = p_no;
    return found;
end $$;

-- @safe
create function raffle.refund(p_no integer) returns text language plpgsql as $$
declare
    t raffle.ticket;
begin
    delete from raffle.ticket where no = p_no returning * into t;
    case
        when t.no is null then return 'gone';
        else
            update raffle.purse set cents = cents + 100 where owner = t.owner;
            return t.owner;
    end case;
end $$;
create function raffle.give(p_no integer, p_to text) returns boolean language plpgsql as $$
begin
    update raffle.ticket set owner = p_to where no = p_no;
    return found;
end $$;

-- @race
-- @setup
insert into raffle.ticket values (8, 'ann');
insert into raffle.purse values ('ann', 0), ('ben', 0);
-- @session ann
-- @call refund
select raffle.refund(8);
-- @session again
-- @call refund
select raffle.refund(8);
-- @session gift
-- @call give
select raffle.give(8, 'ben');
