-- title:           An idempotency key that another user's call has just used fails on the index
-- class:           raw_unique_violation
-- operation:       apply_wallet_transaction
-- hurts:           the client, who is told an index's name
-- caught-by:       race one_wallet_key_for_two_users
-- unmask:          alter table stripe_idempotency.wallet_transactions drop constraint entry_key_once
-- caught-unmasked: race one_wallet_key_for_two_users,
--                  lint key_without_unique
-- changes:         functions/post_wallet_transaction.sql

-- @instead of
    on conflict (idempotency_key) do nothing
-- @write
