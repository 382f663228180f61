-- title:           A repeated movement isn't recognised
-- class:           not_idempotent
-- operation:       apply_wallet_transaction
-- hurts:           the user, who pays one ticket twice where no index stands behind
-- caught-by:       contract wallet_moves_once_per_key,
--                  race same_wallet_key_twice
-- unmask:          alter table stripe_idempotency.wallet_transactions drop constraint entry_key_once
-- caught-unmasked: contract wallet_moves_once_per_key,
--                  race same_wallet_key_twice,
--                  lint key_without_unique,
--                  audit request_key_moves_once
-- changes:         functions/post_wallet_transaction.sql

-- @instead of
    where entry.idempotency_key = p_idempotency_key;
-- @write
    where false;

-- @instead of
    on conflict (idempotency_key) do nothing
-- @write
