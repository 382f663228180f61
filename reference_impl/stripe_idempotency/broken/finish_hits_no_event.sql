-- title:     The end of the work is written to whatever event is there, or to none
-- class:     row_count_ignored
-- operation: finish_stripe_webhook_event
-- hurts:     the shop: "finished" is said of an event that nobody knows
-- caught-by: contract webhook_event_processed_once
-- changes:   functions/finish_stripe_webhook_event.sql

-- @instead of
    if v_event.event_id is null then
        raise exception 'Event not found: %', p_event_id;
    elsif v_event.attempt is distinct from p_attempt then
-- @write
    if v_event.attempt <> p_attempt or p_attempt is null then

-- @instead of
    returning event.event_id into strict v_event.event_id;
-- @write
    returning event.event_id into v_event.event_id;
    already_processed := false;
