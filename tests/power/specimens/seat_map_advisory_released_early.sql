-- title: Two callers take the last place of a course
-- class: check_then_act
-- construct: advisory lock, session level
-- anomaly: phantom
-- refused: P0001 FULL*
-- orders: few
--
-- The lock is given up at the end of the function, but what was done under it shows only at COMMIT.

-- @schema
create schema course;
create table course.course (id integer primary key, places integer not null);
create table course.booking (course integer not null, person uuid not null);

-- @racy
create function course.book(p_course integer, p_person uuid) returns boolean language plpgsql as $$
declare
    v_free integer;
begin
    perform pg_advisory_lock(4711, p_course);
    select c.places - (select count(*) from course.booking as b where b.course = c.id)
    into v_free from course.course as c where c.id = p_course;
    if v_free > 0 then
        insert into course.booking values (p_course, p_person);
    end if;
    perform pg_advisory_unlock(4711, p_course);
    if v_free > 0 then
        return true;
    end if;
    raise exception 'FULL';
end $$;

-- @safe
create function course.book(p_course integer, p_person uuid) returns boolean language plpgsql as $$
declare
    v_free integer;
begin
    perform pg_advisory_xact_lock(4711, p_course);
    select c.places - (select count(*) from course.booking as b where b.course = c.id)
    into v_free from course.course as c where c.id = p_course;
    if v_free > 0 then
        insert into course.booking values (p_course, p_person);
    end if;
    if v_free > 0 then
        return true;
    end if;
    raise exception 'FULL';
end $$;

-- @alone
select course.book(2, null);

-- @race
-- @values ann uuid, ben uuid
-- @setup
insert into course.course values (1, 1);
-- @session ann
-- @call book
select course.book(1, :ann);
-- @session ben
-- @call book
select course.book(1, :ben);
