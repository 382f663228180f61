-- title:     A sale marks its leads and forgets the lines of the purchase
-- class:     partial_write
-- operation: complete_credit_lead_purchase
-- hurts:     the buyer, whose paid purchase holds nothing
-- caught-by: contract credit_completion_charges_once, contract card_completion_sells_once,
--            contract refund_returns_credits_once, audit completed_purchase_sold_its_items
-- changes:   functions/sell_leads.sql

-- @instead of
    v_items integer;
-- @write

-- @instead of
    update lead_marketplace.marketplace_purchase_items as item
    set sold = true
    where item.purchase_id = p_purchase_id;
    get diagnostics v_items = row_count;

    if v_leads <> cardinality(p_lead_ids) or v_items <> cardinality(p_lead_ids) then
        raise exception 'Purchase % sold % leads and % items of %',
            p_purchase_id, v_leads, v_items, cardinality(p_lead_ids)
-- @write
    if v_leads <> cardinality(p_lead_ids) then
        raise exception 'Purchase % sold % leads of %', p_purchase_id, v_leads, cardinality(p_lead_ids)
