-- title:     A lead that was taken off the list can still be looked at
-- class:     state_not_rechecked
-- operation: validate_and_lock_leads_for_purchase
-- hurts:     the partner, who withdrew the lead, and the buyer, who is shown one without a price
-- caught-by: contract only_leads_for_sale_offered
-- changes:   functions/validate_and_lock_leads_for_purchase.sql

-- @instead of
    where lead.id = any(p_lead_ids) and lead.for_sale
-- @write
    where lead.id = any(p_lead_ids) and lead.marketplace_status = 'available'
