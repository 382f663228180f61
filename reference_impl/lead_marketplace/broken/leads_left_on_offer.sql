-- title:           A sale leaves its leads on offer
-- class:           partial_write
-- operation:       complete_stripe_lead_purchase
-- hurts:           the next buyer, who is offered a lead that is somebody else's
-- caught-by:       contract credit_completion_charges_once, contract card_completion_sells_once,
--                  contract lead_sold_to_one_buyer, audit sale_marks_its_item
-- unmask:          drop index lead_marketplace.lead_sold_by_one_purchase
-- caught-unmasked: contract credit_completion_charges_once, contract card_completion_sells_once,
--                  contract lead_sold_to_one_buyer, audit sale_marks_its_item, audit item_sold_by_one_purchase
-- changes:         functions/sell_leads.sql

-- @instead of
    v_leads integer;
-- @write

-- @instead of
    update lead_marketplace.leads as lead
    set marketplace_status = 'sold', sold_count = lead.sold_count + 1, sold_at = now()
    where lead.id = any(p_lead_ids);
    get diagnostics v_leads = row_count;

    update lead_marketplace.marketplace_purchase_items as item
-- @write
    update lead_marketplace.marketplace_purchase_items as item

-- @instead of
    if v_leads <> cardinality(p_lead_ids) or v_items <> cardinality(p_lead_ids) then
        raise exception 'Purchase % sold % leads and % items of %',
            p_purchase_id, v_leads, v_items, cardinality(p_lead_ids)
-- @write
    if v_items <> cardinality(p_lead_ids) then
        raise exception 'Purchase % sold % items of %', p_purchase_id, v_items, cardinality(p_lead_ids)
