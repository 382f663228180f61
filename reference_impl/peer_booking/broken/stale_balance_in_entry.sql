-- title:     The balance is changed by an UPDATE that is right by itself, the entry is written from one that was read
-- class:     stale_balance_in_entry
-- operation: update_credit_balance
-- hurts:     whoever reads the ledger: the balance is right, and the entries tell another story
-- caught-by: race allocation_against_booking, race two_bookings_one_balance, audit entry_chain_unbroken
-- changes:   functions/lock_accounts.sql
-- changes:   functions/post_credit_entry.sql

-- @instead of
    on conflict (user_id) do update set updated_at = now();
-- @write
    on conflict (user_id) do nothing;

-- @instead of
        set balance = v_after, updated_at = now()
-- @write
        set balance = balance + p_amount, updated_at = now()

-- @instead of
            account.user_id, p_amount, v_before, account.balance, p_transaction_type, p_description,
-- @write
            account.user_id, p_amount, v_before, v_after, p_transaction_type, p_description,
