-- title: Two partner files with the same member are loaded
-- class: raw_unique_violation
-- construct: merge
-- anomaly: raw unique violation
-- orders: few
--
-- MERGE looks, then inserts: nothing keeps another one from inserting in between.

-- @schema
create schema partner;
create table partner.member (no bigint primary key, points integer not null);

-- @racy
create function partner.load(p_no bigint, p_points integer) returns void language plpgsql as $$
begin
    merge into partner.member as m
    using (values (p_no, p_points)) as f (no, points) on m.no = f.no
    when matched then update set points = m.points + f.points
    when not matched then insert (no, points) values (f.no, f.points);
end $$;

-- @safe
create function partner.load(p_no bigint, p_points integer) returns void language plpgsql as $$
begin
    insert into partner.member as m (no, points) values (p_no, p_points)
    on conflict (no) do update set points = m.points + excluded.points;
end $$;

-- @alone
select partner.load(1, null);

-- @race
-- @values no bigint
-- @setup
-- @session air
-- @call load
select partner.load(:no, 10);
-- @session rail
-- @call load
select partner.load(:no, 25);
