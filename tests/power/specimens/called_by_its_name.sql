-- title: Two plugins spend the energy of one robot
-- class: read_modify_write
-- construct: execute of a function by name, regprocedure, jsonb
-- anomaly: lost update
-- orders: few
--
-- Which function does the work is data.

-- @schema
create schema robot;
create table robot.robot (id integer primary key, doc jsonb not null);
create table robot.plugin (name text primary key, handler regprocedure not null);

-- @racy
create function robot.drill(p_robot integer, p_args jsonb) returns jsonb language plpgsql as $$
declare
    v_doc jsonb;
begin
    select doc into v_doc from robot.robot where id = p_robot;
    v_doc['energy'] := to_jsonb((v_doc ->> 'energy')::integer - (p_args ->> 'deep')::integer);
    update robot.robot set doc = v_doc where id = p_robot;
    return v_doc;
end $$;
insert into robot.plugin values ('drill', 'robot.drill(integer, jsonb)');
create function robot.run(p_plugin text, p_robot integer, variadic p_args text[]) returns jsonb language plpgsql as $$
declare
    v_handler regproc;
    v_answer jsonb;
begin
    select handler::oid into strict v_handler from robot.plugin where name = p_plugin;
    execute format('select %s($1, $2)', v_handler) into v_answer using p_robot, jsonb_object(p_args);
    return v_answer;
end $$;

-- @safe
create function robot.drill(p_robot integer, p_args jsonb) returns jsonb language plpgsql as $$
declare
    v_doc jsonb;
begin
    select doc into v_doc from robot.robot where id = p_robot for update;
    v_doc['energy'] := to_jsonb((v_doc ->> 'energy')::integer - (p_args ->> 'deep')::integer);
    update robot.robot set doc = v_doc where id = p_robot;
    return v_doc;
end $$;
insert into robot.plugin values ('drill', 'robot.drill(integer, jsonb)');
create function robot.run(p_plugin text, p_robot integer, variadic p_args text[]) returns jsonb language plpgsql as $$
declare
    v_handler regproc;
    v_answer jsonb;
begin
    select handler::oid into strict v_handler from robot.plugin where name = p_plugin;
    execute format('select %s($1, $2)', v_handler) into v_answer using p_robot, jsonb_object(p_args);
    return v_answer;
end $$;

-- @alone
select robot.run('none', 1, 'deep', '1');
select robot.run('drill', 1, 'deep');

-- @race
-- @setup
insert into robot.robot values (1, '{"energy": 90}');
-- @session a
-- @call run
select robot.run('drill', 1, 'deep', '20');
-- @session b
-- @call run
select robot.run('drill', 1, 'deep', '5');
