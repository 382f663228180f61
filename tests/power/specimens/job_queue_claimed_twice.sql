-- title: Two workers claim paid jobs
-- class: status_acted_on_twice
-- construct: for update skip locked, subquery in update
-- anomaly: lost update
-- orders: few
--
-- SKIP LOCKED is right here: each worker is to get another job.

-- @schema
create schema jobs;
create table jobs.job (id integer primary key, worker text, credits integer not null);

-- @racy
create function jobs.claim(p_worker text) returns integer language plpgsql as $$
declare
    v_id integer;
begin
    select id into v_id from jobs.job where worker is null order by id limit 1;
    update jobs.job set worker = p_worker where id = v_id;
    return v_id;
end $$;

-- @safe
create function jobs.claim(p_worker text) returns integer language plpgsql as $$
declare
    v_id integer;
begin
    update jobs.job set worker = p_worker
    where id = (select id from jobs.job where worker is null order by id limit 1 for update skip locked)
    returning id into v_id;
    return v_id;
end $$;

-- @race
-- @setup
insert into jobs.job values (1, null, 5), (2, null, 7);
-- @session a
-- @call claim
select jobs.claim('a');
-- @session b
-- @call claim
select jobs.claim('b');
