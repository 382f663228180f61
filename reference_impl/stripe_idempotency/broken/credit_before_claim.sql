-- title:           A payment is credited first, and its event claimed afterwards
-- class:           effect_before_claim
-- operation:       apply_stripe_wallet_event
-- hurts:           the shop: by the time the claim says that it comes too late, the credit is given
-- caught-by:       contract payment_event_credited_once,
--                  race payment_event_delivered_twice,
--                  race first_credit_against_payment,
--                  race event_credited_and_begun
-- unmask:          alter table stripe_idempotency.wallet_transactions drop constraint entry_of_event
-- unmask:          alter table stripe_idempotency.wallet_transactions drop constraint entry_event_once
-- caught-unmasked: contract payment_event_credited_once,
--                  race payment_event_delivered_twice
-- changes:         functions/apply_stripe_wallet_event.sql
--
-- As written, no payment gets through: its entry names an event that isn't there yet.

-- @instead of
    -- Inserting claims the event: a second delivery waits here until the first has committed or is gone.
-- @write
    select posted.transaction_id, posted.new_balance
    into strict transaction_id, new_balance
    from stripe_idempotency.post_wallet_transaction(
        p_user_id, p_amount, 'payment', p_event_id, p_stripe_event_id => p_event_id
    ) as posted;

-- @instead of
        select entry.id, entry.balance_after
        into strict transaction_id, new_balance
        from stripe_idempotency.wallet_transactions as entry
        where entry.stripe_event_id = p_event_id;
-- @write

-- @instead of
    select posted.transaction_id, posted.new_balance
    into strict transaction_id, new_balance
    from stripe_idempotency.post_wallet_transaction(
        p_user_id, p_amount, 'payment', p_event_id, p_stripe_event_id => p_event_id
    ) as posted;

    update stripe_idempotency.stripe_webhook_events as event
-- @write
    update stripe_idempotency.stripe_webhook_events as event
