-- title:           Whether a balance is enough is decided before the wallet is locked
-- class:           check_then_act
-- operation:       apply_wallet_transaction
-- hurts:           the shop: two debits find the same money; with the constraint, one fails raw
-- caught-by:       race two_debits_one_balance
-- unmask:          alter table stripe_idempotency.wallets drop constraint balance_not_negative
-- unmask:          alter table stripe_idempotency.wallet_transactions drop constraint entry_balances_valid
-- caught-unmasked: race two_debits_one_balance,
--                  lint balance_unchecked,
--                  audit balance_not_negative
-- changes:         functions/post_wallet_transaction.sql

-- @instead of
    v_before integer;
-- @write
    v_before integer;
    v_seen integer;

-- @instead of
    -- First use. Of two sessions one inserts, the other waits for it here and then finds the row.
-- @write
    select wallet.balance into v_seen from stripe_idempotency.wallets as wallet where wallet.user_id = p_user_id;

-- @instead of
    if v_after < 0 then
        raise exception 'Insufficient balance. Current: %, Required: %', v_before, -p_amount;
-- @write
    if coalesce(v_seen, 0)::bigint + p_amount < 0 then
        raise exception 'Insufficient balance. Current: %, Required: %', coalesce(v_seen, 0), -p_amount;
