-- title:     A change looks for its reference and then inserts it
-- class:     raw_unique_violation
-- operation: update_credit_balance
-- hurts:     the client, who gets a raw error where the answer was there
-- caught-by: race one_reference_credited_twice
-- changes:   functions/update_credit_balance.sql
--
-- The constraint saves the balance. The caller doesn't hear what became of the request.

-- @instead of
    where known.id = p_user_id
    on conflict (reference_type, reference_id) do nothing
-- @write
    where
        known.id = p_user_id
        and not exists (
            select 1
            from peer_booking.balance_updates as earlier
            where earlier.reference_type = p_reference_type and earlier.reference_id = p_reference_id
        )
