-- title:     An allocation doesn't keep its event's id
-- class:     not_idempotent
-- operation: allocate_user_credits
-- hurts:     the platform: every delivery of an event gives its credits again
-- caught-by: contract event_allocated_once
-- changes:   functions/allocate_user_credits.sql

-- @instead of
    select known.id, p_amount, 'event', p_event_id, p_description
-- @write
    select known.id, p_amount, 'event', null, p_description
