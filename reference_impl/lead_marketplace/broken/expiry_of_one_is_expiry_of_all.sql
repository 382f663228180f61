-- title:     The clean-up of one workspace fails the others' purchases
-- class:     filter_ignored
-- operation: expire_lead_purchases
-- hurts:     the workspace that asks: it is told how many purchases of others have expired
-- caught-by: contract purchases_expire
-- changes:   functions/expire_lead_purchases.sql

-- @instead of
            and (p_workspace_id is null or purchase.buyer_workspace_id = p_workspace_id)
-- @write
