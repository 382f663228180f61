-- title:     An idempotency key is looked up before the wallet is locked
-- class:     check_before_lock
-- operation: apply_wallet_transaction
-- hurts:     the user, whose ticket was paid, and whose repeat is told that the key was used for something else
-- caught-by: race same_wallet_key_twice
-- changes:   functions/post_wallet_transaction.sql

-- @instead of
    -- First use. Of two sessions one inserts, the other waits for it here and then finds the row.
-- @write
    select entry.*
    into v_first
    from stripe_idempotency.wallet_transactions as entry
    where entry.idempotency_key = p_idempotency_key;
    already_applied := found;

-- @instead of
    -- Looked up behind the lock: a repeat that overlaps the first call waits above and finds its entry here.
    select entry.*
    into v_first
    from stripe_idempotency.wallet_transactions as entry
    where entry.idempotency_key = p_idempotency_key;

    already_applied := found;
    if already_applied then
-- @write
    if already_applied then
