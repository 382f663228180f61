-- title:     A card payment reads its purchase without a lock
-- class:     check_before_lock
-- operation: complete_stripe_lead_purchase
-- hurts:     a buyer who has the lead, and for whose payment the second delivery says that it came too late
-- caught-by: race duplicate_webhook,
--            race late_delivery_against_card_refund
-- changes:   functions/complete_stripe_lead_purchase.sql
--
-- The second delivery has read "pending", and waits for the lead, which the first one sells. It then answers success =
-- false: the shop pays back what it has delivered.

-- @instead of
    -- This row lock puts two deliveries of one event in a line; the second finds the purchase completed.
-- @write

-- @instead of
    where purchase.id = p_purchase_id
    for no key update;
-- @write
    where purchase.id = p_purchase_id;

-- @instead of
        where purchase.id = p_purchase_id
        returning purchase.id into strict v_purchase.id;
-- @write
        where purchase.id = p_purchase_id and purchase.status in ('pending', 'failed');
