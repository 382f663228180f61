-- title: A pass is stamped while its holder pays with it
-- class: lock_timeout_as_refusal
-- construct: now() as the beginning of a transaction
-- orders: few
-- anomaly: false refusal
-- refused: result.pay = false
--
-- now() of a payment that began first lies before the stamp of one that came second and was faster.

-- @schema
create schema pass;
create table pass.pass (id integer primary key, stamped timestamptz not null, rides integer not null);

-- @racy
create function pass.stamp(p integer) returns void language plpgsql as $$
begin
    update pass.pass set stamped = now() where id = p;
end $$;
create function pass.pay(p integer) returns boolean language plpgsql as $$
begin
    update pass.pass set rides = rides - 1 where id = p and stamped <= now();
    return found;
end $$;

-- @safe
create function pass.stamp(p integer) returns void language plpgsql as $$
begin
    update pass.pass set stamped = clock_timestamp() where id = p;
end $$;
create function pass.pay(p integer) returns boolean language plpgsql as $$
begin
    perform from pass.pass where id = p for no key update;
    update pass.pass set rides = rides - 1 where id = p and stamped <= clock_timestamp();
    return found;
end $$;

-- @race
-- @setup
insert into pass.pass values (1, '2001-01-01', 10);
-- @session conductor
-- @call stamp
select pass.stamp(1);
-- @session gate
-- @call pay
select pass.pay(1) as pay;
