-- title:     A checkout for 501 credits is answered with the one for 500
-- class:     key_reused_for_other_arguments
-- operation: create_credit_purchase
-- hurts:     the workspace: what it asked for and what it is about to pay differ
-- caught-by: contract top_up_credited_once
-- changes:   functions/create_credit_purchase.sql

-- @instead of
        if (v_purchase.workspace_id, v_purchase.credits) <> (p_workspace_id, p_credits) then
-- @write
        if v_purchase.workspace_id <> p_workspace_id then
