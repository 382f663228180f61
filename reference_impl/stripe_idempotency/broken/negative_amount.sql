-- title:           A debit of -50 is a credit
-- class:           negative_amount
-- operation:       apply_wallet_transaction
-- hurts:           the shop: anybody mints money who may choose an amount
-- caught-by:       contract wallet_amounts_checked
-- unmask:          alter table stripe_idempotency.wallet_transactions drop constraint entry_kind
-- caught-unmasked: contract wallet_amounts_checked
-- changes:         functions/apply_wallet_transaction.sql

-- @instead of
    elsif p_amount is null or p_amount <= 0 then
-- @write
    elsif p_amount is null or p_amount = 0 then
