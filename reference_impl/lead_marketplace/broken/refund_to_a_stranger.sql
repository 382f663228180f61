-- title:           A refund goes to whichever workspace asks for it
-- class:           refund_unbound
-- operation:       refund_lead_purchase
-- hurts:           the buyer, whose credits somebody else gets back
-- caught-by:       contract refund_returns_credits_once
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_of_buyer
-- caught-unmasked: contract refund_returns_credits_once, audit refund_returns_to_payer
-- changes:         functions/refund_lead_purchase.sql

-- @instead of
    elsif v_purchase.buyer_workspace_id is distinct from p_workspace_id then
        raise exception 'Purchase belongs to another workspace: %', p_purchase_id;
-- @write
