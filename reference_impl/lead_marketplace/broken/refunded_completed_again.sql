-- title:           A refunded purchase can be completed again
-- class:           state_not_rechecked
-- operation:       complete_credit_lead_purchase
-- hurts:           the buyer, who is charged again for what was given back
-- caught-by:       contract refunded_purchase_stays_refunded
-- unmask:          alter table lead_marketplace.credit_entries drop constraint entry_request_key_once
-- unmask:          alter table lead_marketplace.leads drop constraint lead_sold_once
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_refunded_time
-- caught-unmasked: contract refunded_purchase_stays_refunded, audit completed_credit_purchase_charged_once,
--                  audit refund_closes_purchase, audit request_key_moves_once, audit item_sold_once
-- changes:         functions/complete_credit_lead_purchase.sql
--
-- Completion refuses what has failed instead of accepting what is pending, and leads that this purchase has sold
-- itself count as there.

-- @instead of
        when v_purchase.status not in ('pending', 'completed')
-- @write
        when v_purchase.status = 'failed'

-- @instead of
        when v_available < cardinality(v_lead_ids)
-- @write
        when v_available + (
            select count(*)
            from lead_marketplace.marketplace_purchase_items as item
            where item.purchase_id = p_purchase_id and item.sold
        ) < cardinality(v_lead_ids)
