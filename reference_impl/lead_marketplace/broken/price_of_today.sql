-- title:     A purchase costs what its leads cost today
-- class:     state_not_rechecked
-- operation: complete_credit_lead_purchase
-- hurts:     the buyer, who agreed to 42.50 and is asked for 52.50
-- caught-by: contract lead_purchase_written_once
-- changes:   functions/complete_credit_lead_purchase.sql

-- @instead of
    select array_agg(item.lead_id order by item.lead_id), sum(item.price)
-- @write
    select array_agg(item.lead_id order by item.lead_id), sum(lead.marketplace_price)

-- @instead of
    from lead_marketplace.marketplace_purchase_items as item
-- @write
    from lead_marketplace.marketplace_purchase_items as item
    inner join lead_marketplace.leads as lead on item.lead_id = lead.id
