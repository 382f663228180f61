-- title:     A workspace that isn't the buyer hears what the purchase costs
-- class:     refusals_out_of_order
-- operation: complete_credit_lead_purchase
-- hurts:     the buyer, whose prices anybody can ask for, purchase by purchase
-- caught-by: contract credit_completion_refusals
-- changes:   functions/complete_credit_lead_purchase.sql

-- @instead of
        when v_purchase.buyer_workspace_id is distinct from p_workspace_id
            then format('Purchase belongs to another workspace: %s', p_purchase_id)
-- @write

-- @instead of
            then format('Credit amount differs from the price. Given: %s, Required: %s', p_credit_amount, v_price)
-- @write
            then format('Credit amount differs from the price. Given: %s, Required: %s', p_credit_amount, v_price)
        when v_purchase.buyer_workspace_id is distinct from p_workspace_id
            then format('Purchase belongs to another workspace: %s', p_purchase_id)
