-- title:     No constraint keeps a balance from going below zero
-- class:     balance_unchecked
-- operation: apply_wallet_transaction
-- hurts:     the shop, with the next mistake in any function that takes money
-- caught-by: lint balance_unchecked

alter table stripe_idempotency.wallets drop constraint balance_not_negative;
