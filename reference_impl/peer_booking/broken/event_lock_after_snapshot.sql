-- title:     An event is looked up behind an advisory lock
-- class:     check_before_lock
-- operation: allocate_user_credits
-- hurts:     a client at repeatable read, which gets a raw error where it should try again
-- caught-by: race one_event_twice_repeatable_read
-- changes:   functions/allocate_user_credits.sql
--
-- At read committed the second call looks after the first has committed. At repeatable read its snapshot is older
-- than the lock.

-- @instead of
    -- Inserting claims the event: a second call for it waits here until the first has committed or is gone.
-- @write
    perform pg_advisory_xact_lock(hashtext(p_event_id));

-- @instead of
    where known.id = p_user_id
    on conflict (event_id) do nothing
-- @write
    where
        known.id = p_user_id
        and not exists (
            select 1 from peer_booking.credit_allocations as earlier where earlier.event_id = p_event_id
        )
