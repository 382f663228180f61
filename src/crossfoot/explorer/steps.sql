-- What every instrumented clone gets. A session that the explorer drives has the
-- setting crossfoot.slot; for anybody else a step does nothing.
--
-- Advisory lock key space: class 1128681263 (0x4346_4F2F), object 2 * slot + turn.

create schema crossfoot;
grant usage on schema crossfoot to public;

-- What the running transaction has touched: "oid:reads:writes ...". The expression that reads the
-- counters names each table and index of this database, so it is put in later (footprint.py).
create function crossfoot.touched() returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return null;
end
$$;
grant execute on function crossfoot.touched() to public;

-- How many steps the session has made, and one more from now on. Rolling back to a savepoint, as an
-- exception block does, takes the number back to what it was there: that is how it shows.
create function crossfoot.moment() returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    moment text := coalesce(nullif(current_setting('crossfoot.moment', true), ''), '0');
begin
    perform set_config('crossfoot.moment', (moment::integer + 1)::text, false);
    return moment;
end
$$;
grant execute on function crossfoot.moment() to public;

-- Says it at once: a row would come too late where several statements are sent together.
create function crossfoot.tell_touched() returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    raise info 'crossfoot touched % %', crossfoot.moment(), crossfoot.touched();
end
$$;
grant execute on function crossfoot.tell_touched() to public;

-- A session counts how often it came to a step in a temporary sequence: what a rollback takes back
-- counts too, and setval on such a one is allowed in a read-only transaction (nextval would change
-- lastval() besides). A session that lost its temporary tables goes on from the arrival given.
create function crossfoot.count_arrivals(arrival bigint) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set client_min_messages = warning
as $$
begin
    create temporary sequence if not exists crossfoot_arrivals minvalue 0;
    perform setval('pg_temp.crossfoot_arrivals', arrival);
end
$$;
grant execute on function crossfoot.count_arrivals(bigint) to public;

-- A value as rows are told apart by it: "type value", null if two texts of its type may be one value.
create function crossfoot.key(value anyelement) returns text
language sql
stable
as $$
    select case
        when pg_catalog.pg_typeof(value)::pg_catalog.text in (
            'uuid', 'smallint', 'integer', 'bigint', 'text', 'character varying', 'boolean', 'date'
        ) then pg_catalog.concat(
            -- As JSON a date doesn't depend on the session's DateStyle.
            pg_catalog.pg_typeof(value), ' ', pg_catalog.to_json(value)
        )
    end
    where value is not null
$$;
grant execute on function crossfoot.key(anyelement) to public;

-- A lock_timeout runs out when the explorer says so, and otherwise never. Returns what it is where
-- the session stands, 0 for none; what this puts in its place is known by its value.
create function crossfoot.true_lock_timeout() returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    shown text := current_setting('lock_timeout');
begin
    if shown in ('2147483647ms', '23ms') then
        return coalesce(nullif(current_setting('crossfoot.lock_timeout', true), ''), shown);
    end if;
    return shown;
end
$$;
grant execute on function crossfoot.true_lock_timeout() to public;

-- Makes a session with a lock_timeout wait for the next lock for good, or for a moment only.
create function crossfoot.wait_for_locks(hasty boolean) returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    patience text := crossfoot.true_lock_timeout();
begin
    if patience = '0' then
        return '';
    end if;
    perform set_config('crossfoot.lock_timeout', patience, true);
    perform set_config('lock_timeout', case when hasty then '23ms' else '2147483647ms' end, true);
    return patience;
end
$$;
grant execute on function crossfoot.wait_for_locks(boolean) to public;

-- crossfoot.turn_N says, for slot N, how far the session may go and which lock it waits for then:
-- 2 * arrival + turn. Up to that arrival it passes steps.
create function crossfoot.step(
    number integer, variables jsonb default null, keys text[] default null
) returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    patience text := '';
    slot integer := nullif(current_setting('crossfoot.slot', true), '');
    arrival bigint;
    turn bigint;
begin
    if slot is null then
        return true;
    end if;
    arrival := setval(
        'pg_temp.crossfoot_arrivals', pg_sequence_last_value('pg_temp.crossfoot_arrivals') + 1
    );
    -- Read before the session announces itself: the controller may answer at once, and changes it then.
    turn := pg_sequence_last_value(format('crossfoot.turn_%s', slot)::regclass);
    if current_setting('lock_timeout') <> '0' then
        patience := crossfoot.wait_for_locks(false);
    end if;
    -- NOTICE could be silenced by a function's own client_min_messages; INFO is always sent.
    raise info 'crossfoot step % % %', number, arrival,
        case
            when current_setting('crossfoot.watched', true) = 'on'
                then crossfoot.moment() || ' ' || crossfoot.touched()
        end
        using
            detail = coalesce(variables::text, ''),
            hint = case
                when keys is null and patience = '' then ''
                else json_build_object('keys', keys, 'timeout', patience)::text
            end;
    if arrival > turn / 2 then
        perform pg_advisory_lock(1128681263, (2 * slot + turn % 2)::integer);
        perform pg_advisory_unlock(1128681263, (2 * slot + turn % 2)::integer);
    end if;
    if pg_sequence_last_value('crossfoot.given_up') = 2 then
        raise query_canceled using message = 'the explorer gave this schedule up';
    end if;
    if patience <> '' and pg_sequence_last_value('crossfoot.hasty') = 1000 * arrival + slot then
        perform crossfoot.wait_for_locks(true);
    end if;
    return true;
end
$$;
grant execute on function crossfoot.step(integer, jsonb, text[]) to public;

-- 1: go on. 2: every step raises, which ends a schedule that doesn't end by itself.
create sequence crossfoot.given_up;
select setval('crossfoot.given_up', 1);

-- 1000 * arrival + slot: where a session goes on that loses its patience if it has to wait.
create sequence crossfoot.hasty minvalue 0;
select setval('crossfoot.hasty', 0);
