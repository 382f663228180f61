-- title:     A used request key brings back a purchase of other leads
-- class:     key_reused_for_other_arguments
-- operation: create_lead_purchase
-- hurts:     the buyer, who confirms one basket and pays for another
-- caught-by: contract lead_purchase_written_once
-- changes:   functions/create_lead_purchase.sql

-- @instead of
        if v_purchase.buyer_workspace_id <> p_buyer_workspace_id
            or v_purchase.payment_method <> p_payment_method
            or array(
                select item.lead_id
                from lead_marketplace.marketplace_purchase_items as item
                where item.purchase_id = v_purchase.id
                order by item.lead_id
            ) <> array(select given.lead_id from unnest(p_lead_ids) as given (lead_id) order by given.lead_id)
        then
-- @write
        if v_purchase.buyer_workspace_id <> p_buyer_workspace_id or v_purchase.payment_method <> p_payment_method then
