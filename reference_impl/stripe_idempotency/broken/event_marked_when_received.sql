-- title:     An event is marked as processed when it comes in
-- class:     webhook_marked_before_effect
-- operation: begin_stripe_webhook_event
-- hurts:     the customer: the handler dies, the event is delivered again, and everybody thinks that it was handled
-- caught-by: contract webhook_event_processed_once,
--            contract payment_event_credited_once,
--            race two_handlers_begin_one_event
-- changes:   functions/begin_stripe_webhook_event.sql

-- @instead of
        set attempt = event.attempt + 1, lease_expires_at = v_now + make_interval(secs => p_lease_seconds)
-- @write
        set attempt = event.attempt + 1, lease_expires_at = null, status = 'processed', processed_at = now()
