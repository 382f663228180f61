-- title: A hold is settled, given back and expired at once
-- class: status_acted_on_twice
-- construct: three sessions, begin atomic, update from, state in another table
-- anomaly: double apply
-- orders: few

-- @schema
create schema hold;
create table hold.hold (id integer primary key, cents integer not null);
create table hold.end_ (hold integer not null, how text not null);
create table hold.account (id integer primary key, cents integer not null);

-- @racy
create function hold.finish(p_hold integer, p_how text) returns bigint
language sql
begin atomic
    with done as (
        insert into hold.end_ (hold, how)
        select h.id, p_how from hold.hold as h
        where h.id = p_hold and not exists (select from hold.end_ as e where e.hold = h.id)
        returning hold
    ),
    paid as (
        update hold.account as a set cents = a.cents + h.cents
        from hold.hold as h inner join done on done.hold = h.id
        where p_how <> 'settle'
        returning 1
    )
    select (select count(*) from done) + 10 * (select count(*) from paid);
end;

-- @safe
create unique index on hold.end_ (hold);
create function hold.finish(p_hold integer, p_how text) returns bigint
language sql
begin atomic
    with done as (
        insert into hold.end_ (hold, how)
        select h.id, p_how from hold.hold as h where h.id = p_hold
        on conflict (hold) do nothing
        returning hold
    ),
    paid as (
        update hold.account as a set cents = a.cents + h.cents
        from hold.hold as h inner join done on done.hold = h.id
        where p_how <> 'settle'
        returning 1
    )
    select (select count(*) from done) + 10 * (select count(*) from paid);
end;

-- @race
-- @setup
insert into hold.hold values (1, 500);
insert into hold.account values (1, 0);
-- @session shop
-- @call finish
select hold.finish(1, 'settle');
-- @session buyer
-- @call finish
select hold.finish(1, 'refund');
-- @session clock
-- @call finish
select hold.finish(1, 'expire');
