-- title:           A top-up reads its status before it takes the lock, and does not look again
-- class:           check_before_lock
-- operation:       complete_stripe_credit_purchase
-- hurts:           the shop: one card payment is credited twice
-- caught-by:       race replayed_top_up
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- caught-unmasked: race replayed_top_up,
--                  audit payment_credited_once
-- changes:         functions/complete_stripe_credit_purchase.sql
--
-- The lock is there, and puts two deliveries in a line. But both have read "pending" before they stood in it.

-- @instead of
    -- This row lock puts two deliveries of one event in a line; the second finds the purchase completed.
-- @write

-- @instead of
    where purchase.id = p_credit_purchase_id
    for no key update;
-- @write
    where purchase.id = p_credit_purchase_id;

-- @instead of
    end if;

    new_credit_balance := lead_marketplace.post_credit_entry(
-- @write
    end if;

    perform 1
    from lead_marketplace.credit_purchases as purchase
    where purchase.id = p_credit_purchase_id
    for no key update;

    new_credit_balance := lead_marketplace.post_credit_entry(
