-- title: Three visitors draw a number
-- class: insert_where_not_exists
-- construct: three sessions, language sql, max plus one
-- anomaly: stale read
-- orders: few

-- @schema
create schema office;
create table office.counter (day date primary key, last_no integer not null);
create table office.visit (no integer not null, visitor text not null);

-- @racy
create function office.draw(p_visitor text) returns integer language sql as $$
    insert into office.visit (no, visitor)
    select coalesce(max(no), 0) + 1, p_visitor from office.visit
    returning no;
$$;

-- @safe
create function office.draw(p_visitor text) returns integer language sql as $$
    with next_ as (update office.counter set last_no = last_no + 1 where day = '2031-01-01' returning last_no)
    insert into office.visit (no, visitor)
    select last_no, p_visitor from next_
    returning no;
$$;

-- @alone
select office.draw(null);

-- @race
-- @setup
insert into office.counter values ('2031-01-01', 0);
-- @session ann
-- @call draw
select office.draw('ann');
-- @session ben
-- @call draw
select office.draw('ben');
-- @session cat
-- @call draw
select office.draw('cat');
