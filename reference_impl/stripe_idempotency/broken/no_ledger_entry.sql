-- title:     The balance moves and no transaction is written
-- class:     no_ledger_entry
-- operation: apply_wallet_transaction
-- hurts:     everybody who has to say later where the money went
-- caught-by: lint no_ledger_entry, contract wallet_moves_once_per_key, audit balance_equals_entries
-- changes:   functions/post_wallet_transaction.sql

-- @instead of
    insert into stripe_idempotency.wallet_transactions as entry (
        user_id, amount, balance_before, balance_after, kind, reference, idempotency_key, stripe_event_id
    )
    values (
        p_user_id, p_amount, v_before, new_balance, p_kind, p_reference, p_idempotency_key, p_stripe_event_id
    )
    on conflict (idempotency_key) do nothing
    returning entry.id into transaction_id;

    -- Another wallet's lock is none of ours: there the key may have been used since we looked.
    if not found then
        raise exception 'Idempotency key was used with other arguments: %', p_idempotency_key;
    end if;
-- @write
    transaction_id := gen_random_uuid();
