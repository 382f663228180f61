-- What every instrumented clone gets. A session that the explorer drives has the
-- setting crossfoot.slot; for anybody else a step does nothing.
--
-- Advisory lock key space: class 1128681263 (0x4346_4F2F), object 2 * slot + turn.

create schema crossfoot;
grant usage on schema crossfoot to public;

create function crossfoot.step(number integer) returns boolean
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
    raise info 'crossfoot step %', number;
    perform pg_advisory_lock(1128681263, (2 * slot + turn)::integer);
    perform pg_advisory_unlock(1128681263, (2 * slot + turn)::integer);
    if pg_sequence_last_value('crossfoot.given_up') = 2 then
        raise query_canceled using message = 'the explorer gave this schedule up';
    end if;
    return true;
end
$$;
grant execute on function crossfoot.step(integer) to public;

-- 1: go on. 2: every step raises, which ends a schedule that doesn't end by itself.
create sequence crossfoot.given_up;
select setval('crossfoot.given_up', 1);
