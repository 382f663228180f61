-- title: Two counters exchange the stamps of one booklet
-- class: read_modify_write
-- construct: procedure with inout parameters, call inside plpgsql, out record
-- anomaly: lost update

-- @schema
create schema stamps;
create table stamps.booklet (id integer primary key, stamps integer not null, gifts integer not null default 0);

-- @racy
create procedure stamps.count_off(p_id integer, inout p_need integer, inout p_left integer default null)
language plpgsql as $$
begin
    select stamps - p_need into p_left from stamps.booklet where id = p_id;
    if p_left < 0 then
        p_need := 0;
    end if;
end $$;
create procedure stamps.exchange(p_id integer, inout p_gifts integer)
language plpgsql as $$
declare
    v_need integer := 10;
    v_left integer;
begin
    call stamps.count_off(p_id, v_need, v_left);
    if v_need > 0 then
        update stamps.booklet set stamps = v_left, gifts = gifts + 1 where id = p_id returning gifts into p_gifts;
    end if;
end $$;

-- @safe
create procedure stamps.count_off(p_id integer, inout p_need integer, inout p_left integer default null)
language plpgsql as $$
begin
    select stamps - p_need into p_left from stamps.booklet where id = p_id for no key update;
    if p_left < 0 then
        p_need := 0;
    end if;
end $$;
create procedure stamps.exchange(p_id integer, inout p_gifts integer)
language plpgsql as $$
declare
    v_need integer := 10;
    v_left integer;
begin
    call stamps.count_off(p_id, v_need, v_left);
    if v_need > 0 then
        update stamps.booklet set stamps = v_left, gifts = gifts + 1 where id = p_id returning gifts into p_gifts;
    end if;
end $$;

-- @race
-- @setup
insert into stamps.booklet values (1, 24);
-- @session shop
-- @call exchange
call stamps.exchange(1, null);
-- @session kiosk
-- @call exchange
call stamps.exchange(1, null);
