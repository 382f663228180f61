-- title: Two tills book into one drawer, each locking the whole table
-- class: lock_timeout_as_refusal
-- construct: lock table nowait
-- anomaly: false refusal
-- refused: result.book = closed
-- orders: few

-- @schema
create schema till;
create table till.drawer (id integer primary key, cents integer not null);

-- @racy
create function till.book(p_cents integer) returns text language plpgsql as $$
begin
    lock table till.drawer in exclusive mode nowait;
    update till.drawer set cents = cents + p_cents;
    return 'booked';
exception
    when lock_not_available then
        return 'closed';
end $$;

-- @safe
create function till.book(p_cents integer) returns text language plpgsql as $$
begin
    lock table till.drawer in exclusive mode nowait;
    update till.drawer set cents = cents + p_cents;
    return 'booked';
end $$;

-- @race
-- @setup
insert into till.drawer values (1, 0);
-- @session one
-- @call book
select till.book(100) as book;
-- @session two
-- @call book
select till.book(200) as book;
