-- What every instrumented clone gets. A session that the explorer drives has the
-- setting crossfoot.slot; for anybody else a step does nothing.
--
-- Advisory lock key space: class 1128681263 (0x4346_4F2F), object 2 * slot + turn.

create schema crossfoot;
grant usage on schema crossfoot to public;

-- What the running transaction has touched: "oid:reads:writes ... | oid ...", the latter being the
-- tables in which it holds locks stronger than a reader's.
create function crossfoot.touched() returns text
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        (
            select string_agg(format('%s:%s:%s', counted.oid, counted.reads, counted.writes), ' ')
            from (
                select
                    watched.oid,
                    pg_stat_get_xact_numscans(watched.oid)
                    + pg_stat_get_xact_tuples_returned(watched.oid)
                    + pg_stat_get_xact_tuples_fetched(watched.oid) as reads,
                    pg_stat_get_xact_tuples_inserted(watched.oid)
                    + pg_stat_get_xact_tuples_updated(watched.oid)
                    + pg_stat_get_xact_tuples_deleted(watched.oid) as writes
                from unnest(current_setting('crossfoot.watched')::oid[]) as watched (oid)
            ) as counted
            where counted.reads > 0 or counted.writes > 0
        ),
        ''
    ) || '|' || coalesce(
        (
            select string_agg(distinct held.relation::text, ' ')
            from pg_lock_status() as held
            where held.pid = pg_backend_pid() and held.locktype = 'relation' and held.mode <> 'AccessShareLock'
        ),
        ''
    );
$$;
grant execute on function crossfoot.touched() to public;

create function crossfoot.step(number integer, variables jsonb default null) returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = 0
as $$
declare
    slot integer := nullif(current_setting('crossfoot.slot', true), '');
    turn bigint;
begin
    if slot is null then
        return true;
    end if;
    -- The turn is read before the session announces itself: the controller may answer at once, and
    -- sets the next turn when it does. It uses setval, because nextval here would change lastval()
    -- and fail in a read-only transaction.
    turn := pg_sequence_last_value(format('crossfoot.turn_%s', slot)::regclass);
    -- NOTICE could be silenced by a function's own client_min_messages; INFO is always sent.
    raise info 'crossfoot step % %', number,
        case when current_setting('crossfoot.watched', true) <> '' then crossfoot.touched() end
        using detail = coalesce(variables::text, '');
    perform pg_advisory_lock(1128681263, (2 * slot + turn)::integer);
    perform pg_advisory_unlock(1128681263, (2 * slot + turn)::integer);
    if pg_sequence_last_value('crossfoot.given_up') = 2 then
        raise query_canceled using message = 'the explorer gave this schedule up';
    end if;
    return true;
end
$$;
grant execute on function crossfoot.step(integer, jsonb) to public;

-- 1: go on. 2: every step raises, which ends a schedule that doesn't end by itself.
create sequence crossfoot.given_up;
select setval('crossfoot.given_up', 1);
