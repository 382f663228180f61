-- title: Two players give each other tokens
-- class: locks_in_caller_order
-- construct: foreach over an array of composites
-- anomaly: deadlock
-- violates: deadlock
-- refused: P0001 TOO_FEW*
-- orders: few
--
-- The order of the two updates is that of the arguments.

-- @schema
create schema arcade;
create table arcade.player (id uuid primary key, tokens integer not null check (tokens >= 0));
create type arcade.move as (player uuid, tokens integer);

-- @racy
create function arcade.give(p_from uuid, p_to uuid, p_tokens integer) returns void
language plpgsql
as $$
declare
    v_move arcade.move;
    v_moves arcade.move[] := array[(p_from, -p_tokens)::arcade.move, (p_to, p_tokens)::arcade.move];
begin
    foreach v_move in array v_moves loop
        update arcade.player set tokens = tokens + v_move.tokens
        where id = v_move.player and tokens + v_move.tokens >= 0;
        if not found then
            raise exception 'TOO_FEW: %', v_move;
        end if;
    end loop;
end
$$;

-- @safe
create function arcade.give(p_from uuid, p_to uuid, p_tokens integer) returns void
language plpgsql
as $$
declare
    v_move arcade.move;
    v_moves arcade.move[] := array[(p_from, -p_tokens)::arcade.move, (p_to, p_tokens)::arcade.move];
begin
    if p_from > p_to then
        v_moves := array[v_moves[2], v_moves[1]];
    end if;
    foreach v_move in array v_moves loop
        update arcade.player set tokens = tokens + v_move.tokens
        where id = v_move.player and tokens + v_move.tokens >= 0;
        if not found then
            raise exception 'TOO_FEW: %', v_move;
        end if;
    end loop;
end
$$;

-- @alone
select arcade.give(:left, :right, 100);

-- @race
-- @values left uuid, right uuid
-- @setup
insert into arcade.player values (:left, 9), (:right, 9);
-- @session lefty
-- @call give
select arcade.give(:left, :right, 2);
-- @session righty
-- @call give
select arcade.give(:right, :left, 5);
