-- title:     A movement under a used key is taken for a repeat whatever its amount
-- class:     key_reused_for_other_arguments
-- operation: apply_wallet_transaction
-- hurts:     whoever sent the second amount: it is said to have been moved, and wasn't
-- caught-by: contract wallet_moves_once_per_key
-- changes:   functions/post_wallet_transaction.sql

-- @instead of
        if (v_first.user_id, v_first.amount, v_first.reference) <> (p_user_id, p_amount, p_reference) then
-- @write
        if (v_first.user_id, v_first.reference) <> (p_user_id, p_reference) then
