-- title:     A card payment reads its purchase before the lock, and only the status again under it
-- class:     check_before_lock
-- operation: complete_stripe_lead_purchase
-- hurts:     Stripe, whose second delivery is refused for ever, and whoever watches the failing webhook
-- caught-by: race duplicate_webhook
-- changes:   functions/complete_stripe_lead_purchase.sql
--
-- The status is fresh, the download URL is not: the second delivery finds the purchase completed, with no URL, and
-- takes that for a completion with another one.

-- @instead of
    -- This row lock puts two deliveries of one event in a line; the second finds the purchase completed.
-- @write

-- @instead of
    into v_purchase
-- @write
    into v_purchase
    from lead_marketplace.marketplace_purchases as purchase
    where purchase.id = p_purchase_id;

    -- This row lock puts two deliveries of one event in a line; the second finds the purchase completed.
    select purchase.status
    into v_purchase.status
