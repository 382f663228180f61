-- title: Two transfers from one gift list
-- class: lock_timeout_as_refusal
-- construct: advisory lock, transaction level, pg_try_advisory_xact_lock
-- anomaly: false refusal
-- refused: result.pledge = taken
-- orders: few

-- @schema
create schema gifts;
create table gifts.wish (id integer primary key, open_cents integer not null);

-- @racy
create function gifts.pledge(p_wish integer, p_cents integer) returns text language plpgsql as $$
begin
    if not pg_try_advisory_xact_lock(hashtextextended('wish', p_wish)) then
        return 'taken';
    end if;
    update gifts.wish set open_cents = open_cents - p_cents where id = p_wish and open_cents >= p_cents;
    return case when found then 'thanks' else 'taken' end;
end $$;

-- @safe
create function gifts.pledge(p_wish integer, p_cents integer) returns text language plpgsql as $$
begin
    if not pg_try_advisory_xact_lock(hashtextextended('wish', p_wish)) then
        raise exception 'busy' using errcode = '55P03';
    end if;
    update gifts.wish set open_cents = open_cents - p_cents where id = p_wish and open_cents >= p_cents;
    return case when found then 'thanks' else 'taken' end;
end $$;

-- @alone
select gifts.pledge(1, 5000);

-- @race
-- @setup
insert into gifts.wish values (1, 1000);
-- @session aunt
-- @call pledge
select gifts.pledge(1, 300);
-- @session uncle
-- @call pledge
select gifts.pledge(1, 400);
