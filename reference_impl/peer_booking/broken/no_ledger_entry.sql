-- title:     The balance moves and no entry is written
-- class:     no_ledger_entry
-- operation: update_credit_balance
-- hurts:     everybody who has to say later where the credits went
-- caught-by: lint no_ledger_entry, contract balance_changed_once, contract booking_charges_once,
--            contract audit_log_tells_who, audit balance_equals_entries
-- changes:   functions/post_credit_entry.sql

-- @instead of
    -- Balance, entry and line of the log are one statement, so there is none without the others. entry_no is
    -- drawn here, under the lock: an account's entries are numbered in the order in which they happened.
    with account as (
        update peer_booking.credits
        set balance = v_after, updated_at = now()
        where user_id = p_user_id
        returning user_id, balance
    ),

    entry as (
        insert into peer_booking.credit_transactions (
            user_id, amount, balance_before, balance_after, transaction_type, description,
            reference_id, reference_type, update_id, transfer_id, allocation_id, old_transaction_id, created_at
        )
        select
            account.user_id, p_amount, v_before, account.balance, p_transaction_type, p_description,
            p_reference_id, p_reference_type, p_update_id, p_transfer_id, p_allocation_id, p_old_transaction_id,
            p_created_at
        from account
        returning entry_no, user_id, transaction_type, balance_before, balance_after
    )

    insert into peer_booking.credit_audit_log (
        entry_no, user_id, transaction_type, balance_before, balance_after, db_role, token_subject
    )
    select
        entry.entry_no,
        entry.user_id,
        entry.transaction_type,
        entry.balance_before,
        entry.balance_after,
        coalesce(nullif(current_setting('role'), 'none'), session_user),
        nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
    from entry
    returning entry_no into strict v_entry_no;
-- @write
    update peer_booking.credits
    set balance = v_after, updated_at = now()
    where user_id = p_user_id
    returning balance into strict v_after;

-- @instead of
    v_entry_no bigint;
-- @write
