-- title:           Whether a payment was credited is read before its event is claimed
-- class:           check_before_lock
-- operation:       apply_stripe_wallet_event
-- hurts:           the shop: a payment that is delivered twice at once is credited twice, or fails on an index
-- caught-by:       race payment_event_delivered_twice
-- unmask:          alter table stripe_idempotency.wallet_transactions drop constraint entry_event_once
-- caught-unmasked: race payment_event_delivered_twice,
--                  audit payment_credited_once,
--                  audit webhook_event_credited_once
-- changes:         functions/apply_stripe_wallet_event.sql

-- @instead of
    -- Inserting claims the event: a second delivery waits here until the first has committed or is gone.
-- @write
    already_processed := exists (
        select 1
        from stripe_idempotency.stripe_webhook_events as event
        where event.event_id = p_event_id
    );

-- @instead of
    on conflict do nothing
    returning event.* into v_event;

    already_processed := not found;
    if already_processed then
        select event.*
        into strict v_event
        from stripe_idempotency.stripe_webhook_events as event
        where event.event_id = p_event_id;
-- @write
    on conflict do nothing;

    select event.*
    into strict v_event
    from stripe_idempotency.stripe_webhook_events as event
    where event.event_id = p_event_id;

-- @instead of
            raise exception 'Event was delivered with other content: %', p_event_id;
        end if;
-- @write
            raise exception 'Event was delivered with other content: %', p_event_id;
        end if;
    if already_processed then
