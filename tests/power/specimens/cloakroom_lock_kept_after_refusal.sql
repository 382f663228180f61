-- title: Two guests pay the cloakroom, and the first can't
-- class: lock_never_released
-- construct: advisory lock, session level
-- anomaly: stuck
-- violates: stuck
-- refused: P0001 NOT_ENOUGH*

-- @schema
create schema cloakroom;
create table cloakroom.guest (id integer primary key, tokens integer not null);

-- @racy
create function cloakroom.pay(p_guest integer, p_tokens integer) returns integer language plpgsql as $$
declare
    v_left integer;
begin
    perform pg_advisory_lock(hashtextextended('guest', p_guest));
    select tokens - p_tokens into v_left from cloakroom.guest where id = p_guest;
    if v_left < 0 then
        raise exception 'NOT_ENOUGH: % short', -v_left;
    end if;
    update cloakroom.guest set tokens = v_left where id = p_guest;
    perform pg_advisory_unlock(hashtextextended('guest', p_guest));
    return v_left;
end $$;

-- @safe
create function cloakroom.pay(p_guest integer, p_tokens integer) returns integer language plpgsql as $$
declare
    v_left integer;
begin
    update cloakroom.guest set tokens = tokens - p_tokens
    where id = p_guest and tokens >= p_tokens
    returning tokens into v_left;
    if not found then
        raise exception 'NOT_ENOUGH';
    end if;
    return v_left;
end $$;

-- @alone
select cloakroom.pay(1, 3);

-- @race
-- @setup
insert into cloakroom.guest values (1, 5);
-- @session early
-- @call pay
select cloakroom.pay(1, 9);
-- @session late
-- @call pay
select cloakroom.pay(1, 2);
