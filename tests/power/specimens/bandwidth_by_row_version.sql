-- title: Two downloads reduce one bandwidth pool
-- class: read_modify_write
-- construct: xmin as a version, retry loop, notify
-- anomaly: lost update
--
-- Compare and swap, over and over until nobody was faster.

-- @schema
create schema net;
create table net.pool (id integer primary key, mb integer not null);

-- @racy
create function net.download(p_mb integer) returns integer language plpgsql as $$
declare
    v_mb integer;
    v_version xid;
begin
    select mb, xmin into v_mb, v_version from net.pool where id = 1;
    update net.pool set mb = v_mb - p_mb where id = 1;
    perform pg_notify('pool', (v_mb - p_mb)::text);
    return v_mb - p_mb;
end $$;

-- @safe
create function net.download(p_mb integer) returns integer language plpgsql as $$
declare
    v_mb integer;
    v_version xid;
begin
    loop
        select mb, xmin into v_mb, v_version from net.pool where id = 1;
        update net.pool set mb = v_mb - p_mb where id = 1 and xmin = v_version;
        exit when found;
    end loop;
    perform pg_notify('pool', (v_mb - p_mb)::text);
    return v_mb - p_mb;
end $$;

-- @race
-- @setup
insert into net.pool values (1, 1000);
-- @session film
-- @call download
select net.download(700);
-- @session song
-- @call download
select net.download(5);
