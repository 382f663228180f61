-- title:     The end of the work is written without a lock on the event
-- class:     check_before_lock
-- operation: finish_stripe_webhook_event
-- hurts:     the customer: the late handler's effect stands, and the next delivery has its own
-- caught-by: race late_finish_against_takeover
-- changes:   functions/finish_stripe_webhook_event.sql

-- @instead of
    where event.event_id = p_event_id
    for no key update;
-- @write
    where event.event_id = p_event_id;
