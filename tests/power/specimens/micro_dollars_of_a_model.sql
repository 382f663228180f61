-- title: Two completions are charged in micro-dollars
-- class: read_modify_write
-- construct: bigint amounts of ten digits
-- anomaly: lost update
-- orders: few

-- @schema
create schema llm;
create table llm.account (id integer primary key, micros bigint not null);

-- @racy
create function llm.charge(p_id integer, p_micros bigint) returns void language plpgsql as $$
declare
    v_micros bigint;
begin
    select micros into v_micros from llm.account where id = p_id;
    update llm.account set micros = v_micros - p_micros where id = p_id;
end $$;

-- @safe
create function llm.charge(p_id integer, p_micros bigint) returns void language plpgsql as $$
begin
    update llm.account set micros = micros - p_micros where id = p_id;
end $$;

-- @race
-- @setup
insert into llm.account values (1, 5500000000);
-- @session chat
-- @call charge
select llm.charge(1, 30000000);
-- @session batch
-- @call charge
select llm.charge(1, 70000000);
