-- title:     An expired purchase is completed as long as no clean-up came by
-- class:     state_not_rechecked
-- operation: complete_credit_lead_purchase
-- hurts:     the partner, whose lead goes at the price of last month
-- caught-by: contract purchases_expire
-- changes:   functions/complete_credit_lead_purchase.sql

-- @instead of
        when v_purchase.expires_at <= now()
            then format('Purchase has expired: %s', p_purchase_id)
-- @write
