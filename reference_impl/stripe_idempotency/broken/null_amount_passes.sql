-- title:     An amount that is NULL passes the check for a positive one
-- class:     null_passes_check
-- operation: apply_wallet_transaction
-- hurts:     the client, who is told of a column that it never heard of
-- caught-by: contract wallet_amounts_checked
-- changes:   functions/apply_wallet_transaction.sql

-- @instead of
    elsif p_amount is null or p_amount <= 0 then
-- @write
    elsif p_amount <= 0 then
