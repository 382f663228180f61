-- title:           A delivery that found no earlier one doesn't ask whether the event is processed by now
-- class:           state_not_rechecked
-- operation:       begin_stripe_webhook_event
-- hurts:           the shop: a payment that was credited is handled once more
-- caught-by:       race event_credited_and_begun
-- unmask:          alter table stripe_idempotency.stripe_webhook_events drop constraint webhook_leased_or_paid
-- caught-unmasked: race event_credited_and_begun
-- changes:         functions/begin_stripe_webhook_event.sql

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
        when v_event.status = 'processed' and v_known then 'processed'
