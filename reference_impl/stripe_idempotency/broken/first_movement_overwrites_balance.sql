-- title:     A balance is written by an upsert that, on conflict, overwrites what is there
-- class:     first_touch_race
-- operation: apply_stripe_wallet_event
-- hurts:     a new user: of the first two movements one is lost
-- caught-by: race first_credit_against_payment,
--            audit balance_equals_entries
-- changes:   functions/post_wallet_transaction.sql
--
-- A row that isn't there can't be locked. Wallets that exist are safe, so nobody notices for long.

-- @instead of
    -- First use. Of two sessions one inserts, the other waits for it here and then finds the row.
    insert into stripe_idempotency.wallets (user_id)
    values (p_user_id)
    on conflict (user_id) do nothing;

-- @write

-- @instead of
    select wallet.balance
    into strict v_before
-- @write
    select wallet.balance
    into v_before

-- @instead of
    where wallet.user_id = p_user_id
    for no key update;
-- @write
    where wallet.user_id = p_user_id
    for no key update;
    v_before := coalesce(v_before, 0);

-- @instead of
    update stripe_idempotency.wallets as wallet
    set balance = v_after, updated_at = now()
    where wallet.user_id = p_user_id
-- @write
    insert into stripe_idempotency.wallets as wallet (user_id, balance)
    values (p_user_id, v_after)
    on conflict (user_id) do update set balance = excluded.balance, updated_at = now()
