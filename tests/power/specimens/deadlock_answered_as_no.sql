-- title: Two swaps of shifts meet head on
-- class: exception_swallowed
-- construct: exception when others, get stacked diagnostics
-- anomaly: not serializable
-- refused: result.swap = no%
--
-- PostgreSQL ends one of the two, and the function makes a plain answer of it.

-- @schema
create schema shifts;
create table shifts.balance (person text primary key, hours integer not null);
create table shifts.problem (at timestamptz not null default clock_timestamp(), said text, state text);

-- @racy
create function shifts.swap(giver text, taker text, h integer) returns text language plpgsql as $$
declare
    said text;
    code text;
begin
    update shifts.balance set hours = hours - h where person = giver;
    update shifts.balance set hours = hours + h where person = taker;
    return 'yes';
exception
    when others then
        get stacked diagnostics said = message_text, code = returned_sqlstate;
        insert into shifts.problem (said, state) values (said, code);
        return 'no';
end $$;

-- @safe
create function shifts.swap(giver text, taker text, h integer) returns text language plpgsql as $$
declare
    said text;
    code text;
begin
    perform from shifts.balance where person in (giver, taker) order by person for no key update;
    update shifts.balance set hours = hours - h where person = giver;
    update shifts.balance set hours = hours + h where person = taker;
    return 'yes';
exception
    when numeric_value_out_of_range or check_violation then
        get stacked diagnostics said = message_text, code = returned_sqlstate;
        insert into shifts.problem (said, state) values (said, code);
        return 'no';
end $$;

-- @alone
select shifts.swap('eve', 'dan', 2147483647);

-- @race
-- @setup
insert into shifts.balance values ('dan', 10), ('eve', -2147483640);
-- @session dan
-- @call swap
select shifts.swap('dan', 'eve', 3);
-- @session eve
-- @call swap
select shifts.swap('eve', 'dan', 4);
