-- title:     The balance moves and no entry is written
-- class:     no_ledger_entry
-- operation: apply_credit_purchase
-- hurts:     everybody who has to say later where the credits went
-- caught-by: lint no_ledger_entry, contract payment_credited_once, contract credits_reserved_once,
--            contract refund_bound_to_reservation, audit balance_equals_entries
-- changes:   functions/post_credit_entry.sql

-- @instead of
    -- entry_no is drawn here, under the row lock of the update: a user's entries are numbered in the order in
    -- which they happened.
    insert into credit_purchase.credit_entries (
        user_id, amount, balance_before, balance_after, kind, reference, request_key
    )
    values (
        p_operation.user_id,
        v_amount,
        v_after - v_amount,
        v_after,
        p_operation.operation_type,
        coalesce(
            p_operation.stripe_session_id,
            p_operation.reservation_key::text,
            p_operation.idempotency_key::text
        ),
        p_operation.idempotency_key
    );
-- @write
