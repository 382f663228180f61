-- title: Two gift months extend one membership
-- class: read_modify_write
-- construct: timestamps, interval arithmetic
-- anomaly: lost update
-- orders: few

-- @schema
create schema club;
create table club.member (id integer primary key, valid_until timestamptz not null);

-- @racy
create function club.extend(p_id integer, p_days integer) returns void language plpgsql as $$
declare
    v_until timestamptz;
begin
    select valid_until into v_until from club.member where id = p_id;
    update club.member set valid_until = v_until + make_interval(days => p_days) where id = p_id;
end $$;

-- @safe
create function club.extend(p_id integer, p_days integer) returns void language plpgsql as $$
begin
    update club.member set valid_until = valid_until + make_interval(days => p_days) where id = p_id;
end $$;

-- @race
-- @setup
insert into club.member values (1, now() + interval '3 days');
-- @session gift
-- @call extend
select club.extend(1, 30);
-- @session renewal
-- @call extend
select club.extend(1, 30);
