-- title:     A purchase that was never paid can be refunded
-- class:     refund_unbound
-- operation: refund_lead_purchase
-- hurts:     the marketplace: write a purchase down, have it refunded, spend the credits
-- caught-by: contract refund_returns_credits_once, audit refund_has_charge,
--            race refund_against_completion
-- changes:   functions/refund_lead_purchase.sql

-- @instead of
    elsif v_purchase.status not in ('completed', 'refunded') then
-- @write
    elsif v_purchase.status = 'failed' then

-- @instead of
    select -entry.amount
    into strict v_charged
    from lead_marketplace.credit_entries as entry
    where entry.request_key = 'purchase:' || p_purchase_id::text;
-- @write
    select sum(item.price)
    into strict v_charged
    from lead_marketplace.marketplace_purchase_items as item
    where item.purchase_id = p_purchase_id;
