-- title: A summary reads on from the moment before its fee was booked
-- class: check_before_lock
-- construct: stable function that calls a volatile one
-- anomaly: lost update
-- orders: few
--
-- All of a STABLE function reads from its caller's snapshot, which is older than the lock that the
-- function it calls takes.

-- @schema
create schema desk;
create table desk.account (id integer primary key, cents integer not null);
create function desk.lock(p_id integer) returns boolean language plpgsql as $$
begin
    perform from desk.account where id = p_id for no key update;
    return true;
end $$;
create function desk.deposit(p_id integer, p_cents integer) returns void language plpgsql as $$
begin
    perform desk.lock(p_id);
    update desk.account set cents = cents + p_cents where id = p_id;
end $$;

-- @racy
create function desk.under_lock(p_id integer) returns integer language plpgsql stable as $$
begin
    perform desk.lock(p_id);
    return (select cents from desk.account where id = p_id);
end $$;
create function desk.fee(p_id integer) returns integer language plpgsql as $$
declare
    v_cents integer;
begin
    v_cents := desk.under_lock(p_id);
    update desk.account set cents = v_cents - 1 where id = p_id;
    return v_cents;
end $$;

-- @safe
create function desk.under_lock(p_id integer) returns integer language plpgsql volatile as $$
begin
    perform desk.lock(p_id);
    return (select cents from desk.account where id = p_id);
end $$;
create function desk.fee(p_id integer) returns integer language plpgsql as $$
declare
    v_cents integer;
begin
    v_cents := desk.under_lock(p_id);
    update desk.account set cents = v_cents - 1 where id = p_id;
    return v_cents;
end $$;

-- @race
-- @setup
insert into desk.account values (1, 100);
-- @session fee
-- @call fee
select desk.fee(1);
-- @session deposit
-- @call deposit
select desk.deposit(1, 30);
