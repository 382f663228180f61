-- title: Two tenants ask for a locker, then rent it
-- class: lock_split_across_calls
-- construct: for update in a call of its own, return query
-- anomaly: double apply
-- violates: expect at most 1 ok in rent
-- refused: P0001 GONE*
-- expect: at most 1 ok in rent
-- orders: few
--
-- The lock of the first call is given up when it returns: each call is a transaction of its own.

-- @schema
create schema locker;
create table locker.box (no integer primary key, tenant uuid, rentals integer not null default 0);
create function locker.ask(p_no integer) returns setof locker.box language plpgsql as $$
begin
    return query select * from locker.box where no = p_no and tenant is null for update;
    if not found then
        raise exception 'GONE: % is let', p_no;
    end if;
end $$;

-- @racy
create function locker.rent(p_no integer, p_tenant uuid) returns void language plpgsql as $$
begin
    update locker.box set tenant = p_tenant, rentals = rentals + 1 where no = p_no;
end $$;

-- @safe
create function locker.rent(p_no integer, p_tenant uuid) returns void language plpgsql as $$
begin
    update locker.box set tenant = p_tenant, rentals = rentals + 1 where no = p_no and tenant is null;
    if not found then
        raise exception 'GONE: % was let meanwhile', p_no;
    end if;
end $$;

-- @alone
select locker.ask(9);
select * from locker.ask(4);

-- @race
-- @values ann uuid, ben uuid
-- @setup
insert into locker.box values (4);
-- @session ann
-- @call ask
select * from locker.ask(4);
-- @call rent
select locker.rent(4, :ann);
-- @session ben
-- @call ask
select * from locker.ask(4);
-- @call rent
select locker.rent(4, :ben);
