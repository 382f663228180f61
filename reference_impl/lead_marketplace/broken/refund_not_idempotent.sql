-- title:           A repeated refund gives the credits back again
-- class:           not_idempotent
-- operation:       refund_lead_purchase
-- hurts:           the marketplace: one charge, as many refunds as there are clicks
-- caught-by:       contract refund_returns_credits_once, race two_refunds_at_once
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- caught-unmasked: contract refund_returns_credits_once, race two_refunds_at_once, audit refund_not_above_charge,
--                  audit request_key_moves_once
-- changes:         functions/refund_lead_purchase.sql

-- @instead of
    if v_purchase.status = 'refunded' then
        select true, entry.balance_after, true
        into strict success, new_credit_balance, already_refunded
        from lead_marketplace.credit_entries as entry
        where entry.request_key = 'refund:' || p_purchase_id::text;
        return next;
        return;
    end if;

    -- What was charged is what the ledger says, not what anybody claims.
-- @write
    -- What was charged is what the ledger says, not what anybody claims.
