-- title: Two servers of one game write a player's tokens
-- class: app_read_modify_write
-- construct: client transaction, compare and swap, version column
-- anomaly: lost update
-- orders: few
--
-- The app reads, computes, and sends an absolute number in the same transaction.

-- @schema
create schema game;
create table game.player (id uuid primary key, tokens integer not null, version integer not null default 1);
create function game.look(p_player uuid) returns table (tokens integer, version integer)
language sql
as $$ select p.tokens, p.version from game.player as p where p.id = p_player $$;

-- @racy
create function game.store(p_player uuid, p_tokens integer, p_version integer) returns integer
language plpgsql
as $$
begin
    update game.player set tokens = p_tokens, version = version + 1 where id = p_player;
    return p_version + 1;
end
$$;

-- @safe
create function game.store(p_player uuid, p_tokens integer, p_version integer) returns integer
language plpgsql
as $$
begin
    update game.player set tokens = p_tokens, version = version + 1
    where id = p_player and version = p_version;
    if not found then
        raise serialization_failure using message = 'somebody else was faster';
    end if;
    return p_version + 1;
end
$$;

-- @alone
select game.store(:player, 0, 77);

-- @race
-- @values player uuid
-- @setup
insert into game.player values (:player, 100);
-- @session server_1
begin;
-- @let tokens
select tokens from game.look(:player);
-- @call store
select game.store(:player, :tokens::integer + 7, 1);
commit;
-- @session server_2
begin;
-- @let tokens
select tokens from game.look(:player);
-- @call store
select game.store(:player, :tokens::integer - 20, 1);
commit;
