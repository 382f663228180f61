-- title:           Payment with credits reads the purchase before it locks it, and does not look again
-- class:           check_before_lock
-- operation:       complete_credit_lead_purchase
-- hurts:           a buyer who clicked twice: the purchase that was just paid is turned into a failed one
-- caught-by:       race one_buyer_twice
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_completed_time
-- caught-unmasked: race one_buyer_twice,
--                  audit unfinished_purchase_not_charged
-- changes:         functions/complete_credit_lead_purchase.sql
--
-- The second call has read "pending", waits for the lock, and goes on with what it read. It finds the lead sold (by
-- the first call) and marks the purchase as failed, with the credits gone. The constraint on completed_at turns that
-- into an error.

-- @instead of
    -- This row lock decides between two completions of one purchase, and between completion, refund and expiry.
-- @write

-- @instead of
    where purchase.id = p_purchase_id
    for no key update;
-- @write
    where purchase.id = p_purchase_id;

-- @instead of
        return;
    end if;

    -- The check that counts: whoever validated what before, the leads are locked and looked at here.
-- @write
        return;
    end if;

    perform 1
    from lead_marketplace.marketplace_purchases as purchase
    where purchase.id = p_purchase_id
    for no key update;

    -- The check that counts: whoever validated what before, the leads are locked and looked at here.
