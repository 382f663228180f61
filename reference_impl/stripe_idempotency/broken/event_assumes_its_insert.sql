-- title:     A delivery that found no earlier one takes it that its own insert went through
-- class:     check_then_act
-- operation: begin_stripe_webhook_event
-- hurts:     the customer: the event has its effect twice
-- caught-by: race two_handlers_begin_one_event
-- changes:   functions/begin_stripe_webhook_event.sql

-- @instead of
    v_now timestamptz;
-- @write
    v_now timestamptz;
    v_known boolean;

-- @instead of
    -- The first delivery makes the row, with a lease that is free; of two first ones the second waits here.
-- @write
    v_known := exists (
        select 1
        from stripe_idempotency.stripe_webhook_events as event
        where event.event_id = p_event_id
    );

-- @instead of
        when v_event.status = 'processed' then 'processed'
-- @write
        when v_event.status = 'processed' then 'processed'
        when not v_known then 'claimed'
