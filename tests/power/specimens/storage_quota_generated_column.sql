-- title: Two uploads fill one storage plan
-- class: read_modify_write
-- construct: generated column, check constraint, nested block
-- anomaly: lost update
-- refused: P0001 PLAN_FULL*
-- orders: few

-- @schema
create schema storage_;
create table storage_.plan (
    id uuid primary key, granted integer not null, used integer not null default 0,
    free integer generated always as (granted - used) stored check (free >= 0)
);

-- @racy
create function storage_.upload(p_plan uuid, p_size integer) returns integer language plpgsql as $$
declare
    v_used integer;
begin
    select used into v_used from storage_.plan where id = p_plan;
    begin
        update storage_.plan set used = v_used + p_size where id = p_plan;
    exception
        when check_violation then
            raise exception 'PLAN_FULL';
    end;
    return v_used + p_size;
end $$;

-- @safe
create function storage_.upload(p_plan uuid, p_size integer) returns integer language plpgsql as $$
declare
    v_used integer;
begin
    begin
        update storage_.plan set used = used + p_size where id = p_plan returning used into v_used;
    exception
        when check_violation then
            raise exception 'PLAN_FULL';
    end;
    return v_used;
end $$;

-- @alone
select storage_.upload(:plan, 101);

-- @race
-- @values plan uuid
-- @setup
insert into storage_.plan (id, granted) values (:plan, 100);
-- @session photos
-- @call upload
select storage_.upload(:plan, 60);
-- @session film
-- @call upload
select storage_.upload(:plan, 70);
