-- title: Two debits read under a shared lock, then write
-- class: locks_in_caller_order
-- construct: for share, lock upgrade
-- anomaly: deadlock
-- violates: deadlock
-- refused: P0001 EMPTY*
-- orders: few

-- @schema
create schema fares;
create table fares.purse (id integer primary key, rides integer not null);

-- @racy
create function fares.ride(p integer) returns integer language plpgsql as $$
declare
    v integer;
begin
    select rides into v from fares.purse where id = p for share;
    if v = 0 then
        raise exception 'EMPTY';
    end if;
    update fares.purse set rides = v - 1 where id = p;
    return v - 1;
end $$;

-- @safe
create function fares.ride(p integer) returns integer language plpgsql as $$
declare
    v integer;
begin
    select rides into v from fares.purse where id = p for no key update;
    if v = 0 then
        raise exception 'EMPTY';
    end if;
    update fares.purse set rides = v - 1 where id = p;
    return v - 1;
end $$;

-- @alone
update fares.purse set rides = 0;
select fares.ride(1);

-- @race
-- @setup
insert into fares.purse values (1, 3);
-- @session bus
-- @call ride
select fares.ride(1);
-- @session tram
-- @call ride
select fares.ride(1);
