-- title:           Nobody asks whether a balance is enough
-- class:           unguarded_debit
-- operation:       apply_wallet_transaction
-- hurts:           the shop, as long as no constraint stands behind; with it, the user gets a raw error
-- caught-by:       contract wallet_amounts_checked,
--                  contract wallet_moves_once_per_key,
--                  race two_debits_one_balance
-- unmask:          alter table stripe_idempotency.wallets drop constraint balance_not_negative
-- unmask:          alter table stripe_idempotency.wallet_transactions drop constraint entry_balances_valid
-- caught-unmasked: contract wallet_amounts_checked,
--                  lint balance_unchecked,
--                  audit balance_was_never_negative
-- changes:         functions/post_wallet_transaction.sql

-- @instead of
    if v_after < 0 then
        raise exception 'Insufficient balance. Current: %, Required: %', v_before, -p_amount;
    elsif v_after > 2147483647 then
-- @write
    if v_after > 2147483647 then
