-- title: Two charges to one toll account, with little patience
-- class: lock_timeout_as_refusal
-- construct: lock_timeout
-- anomaly: false refusal
-- refused: result.charge = insufficient
-- orders: few

-- @schema
create schema toll;
create table toll.account (plate text primary key, euros integer not null);

-- @racy
create function toll.charge(p_plate text, p_euros integer) returns text language plpgsql
set lock_timeout = '5s'
as $$
declare
    v_euros integer;
begin
    select euros into v_euros from toll.account where plate = p_plate for update;
    if v_euros < p_euros then
        return 'insufficient';
    end if;
    update toll.account set euros = euros - p_euros where plate = p_plate;
    return 'paid';
exception
    when lock_not_available then
        return 'insufficient';
end $$;

-- @safe
create function toll.charge(p_plate text, p_euros integer) returns text language plpgsql
set lock_timeout = '5s'
as $$
declare
    v_euros integer;
begin
    select euros into v_euros from toll.account where plate = p_plate for update;
    if v_euros < p_euros then
        return 'insufficient';
    end if;
    update toll.account set euros = euros - p_euros where plate = p_plate;
    return 'paid';
end $$;

-- @alone
select toll.charge('B-XY 1', 500);

-- @race
-- @setup
insert into toll.account values ('B-XY 1', 100);
-- @session north
-- @call charge
select toll.charge('B-XY 1', 4);
-- @session south
-- @call charge
select toll.charge('B-XY 1', 6);
