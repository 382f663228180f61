-- title: Two jobs take build minutes
-- class: read_modify_write
-- construct: execute format using, execute into, dynamic table name
-- anomaly: lost update
-- refused: P0001 NO_MINUTES*
-- orders: few

-- @schema
create schema ci;
create table ci.minutes_linux (org text primary key, left_ integer not null);
create table ci.minutes_macos (like ci.minutes_linux including all);

-- @racy
create function ci.take(p_os text, p_org text, p_minutes integer) returns integer language plpgsql as $$
declare
    v_table regclass := format('ci.%I', 'minutes_' || p_os);
    v_left integer;
begin
    execute format('select left_ from %s where org = $1', v_table) into v_left using p_org;
    if v_left >= p_minutes then
        execute format('update %s set left_ = $2 where org = $1', v_table) using p_org, v_left - p_minutes;
        return v_left - p_minutes;
    end if;
    raise exception 'NO_MINUTES on %: %', p_os, v_left;
end $$;

-- @safe
create function ci.take(p_os text, p_org text, p_minutes integer) returns integer language plpgsql as $$
declare
    v_table regclass := format('ci.%I', 'minutes_' || p_os);
    v_left integer;
begin
    execute format('update %s set left_ = left_ - $2 where org = $1 and left_ >= $2 returning left_', v_table)
    into v_left using p_org, p_minutes;
    if v_left is not null then
        return v_left;
    end if;
    execute format('select left_ from %s where org = $1', v_table) into v_left using p_org;
    raise exception 'NO_MINUTES on %: %', p_os, v_left;
end $$;

-- @alone
select ci.take('linux', 'acme', 11);
select ci.take('macos', 'acme', 1);
select ci.take('hurd', 'acme', 1);

-- @race
-- @setup
insert into ci.minutes_linux values ('acme', 10);
-- @session push
-- @call take
select ci.take('linux', 'acme', 6);
-- @session tag
-- @call take
select ci.take('linux', 'acme', 7);
