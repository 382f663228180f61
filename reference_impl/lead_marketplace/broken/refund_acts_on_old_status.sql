-- title:           A refund reads the purchase without a lock
-- class:           status_acted_on_twice
-- operation:       refund_lead_purchase
-- hurts:           the shop, which gives the credits of one purchase back twice
-- caught-by:       race two_refunds_at_once
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- caught-unmasked: race two_refunds_at_once,
--                  audit refund_not_above_charge
-- changes:         functions/refund_lead_purchase.sql
--
-- Both refunds read "completed", and each gives the credits back. Only the ledger's unique key stands in the way, and
-- what the second caller gets from it is a raw error.

-- @instead of
    -- This row lock puts two refunds of one purchase in a line; the second finds it refunded.
-- @write

-- @instead of
    where purchase.id = p_purchase_id
    for no key update;
-- @write
    where purchase.id = p_purchase_id;
