-- title:           A top-up is credited first and marked as completed afterwards, if it still is pending
-- class:           effect_before_claim
-- operation:       complete_stripe_credit_purchase
-- hurts:           the shop: one card payment is credited twice
-- caught-by:       race replayed_top_up
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- caught-unmasked: race replayed_top_up,
--                  audit payment_credited_once
-- changes:         functions/complete_stripe_credit_purchase.sql
--
-- The UPDATE that claims the top-up would tell the second delivery that it comes too late. By then the credits are
-- given.

-- @instead of
    -- This row lock puts two deliveries of one event in a line; the second finds the purchase completed.
-- @write

-- @instead of
    where purchase.id = p_credit_purchase_id
    for no key update;
-- @write
    where purchase.id = p_credit_purchase_id;

-- @instead of
    where purchase.id = p_credit_purchase_id
    returning purchase.id into strict v_purchase.id;
-- @write
    where purchase.id = p_credit_purchase_id and purchase.status = 'pending';

-- @instead of
    already_completed := false;
-- @write
    already_completed := not found;
