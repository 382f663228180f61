-- title:           The clean-up fails purchases that were paid in time
-- class:           state_not_rechecked
-- operation:       expire_lead_purchases
-- hurts:           the buyer, a day after paying: the leads are gone from the list of purchases
-- caught-by:       contract purchases_expire
-- unmask:          alter table lead_marketplace.marketplace_purchases drop constraint purchase_completed_time
-- caught-unmasked: contract purchases_expire, audit completion_has_its_time, audit unfinished_purchase_not_charged,
--                  audit unfinished_purchase_sold_nothing
-- changes:         functions/expire_lead_purchases.sql

-- @instead of
            purchase.status = 'pending'
            and purchase.expires_at <= now()
-- @write
            purchase.expires_at <= now()
