-- title:           A debit that is too large takes what there is
-- class:           clamped_at_zero
-- operation:       apply_wallet_transaction
-- hurts:           the shop: the ticket is given out for less than its price, and the books don't add up
-- caught-by:       contract wallet_amounts_checked,
--                  contract wallet_moves_once_per_key,
--                  race two_debits_one_balance
-- unmask:          alter table stripe_idempotency.wallet_transactions drop constraint entry_adds_up
-- caught-unmasked: contract wallet_amounts_checked,
--                  audit balance_equals_entries,
--                  audit entry_adds_up
-- changes:         functions/post_wallet_transaction.sql

-- @instead of
    v_after := v_before::bigint + p_amount;
    if v_after < 0 then
        raise exception 'Insufficient balance. Current: %, Required: %', v_before, -p_amount;
    elsif v_after > 2147483647 then
-- @write
    v_after := greatest(0, v_before::bigint + p_amount);
    if v_after > 2147483647 then
