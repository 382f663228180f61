-- title:     A purchase catches whatever unique violation there is and gives that as its reason
-- class:     exception_swallowed
-- operation: apply_credit_purchase
-- hurts:     whoever has to act on it: a replay, a duplicate and a mistake of the caller's read the same
-- caught-by: contract payment_credited_once, contract key_names_one_operation, race one_session_two_keys,
--            race one_key_two_payments, race one_key_two_kinds
-- changes:   functions/apply_credit_purchase.sql
--
-- The source's third fault. The database is right, and knows why; the answer throws that away.

-- @instead of
        on conflict do nothing
-- @write

-- @instead of
        when sqlstate 'CP001' then
            v_reason := sqlerrm;
-- @write
        when sqlstate 'CP001' then
            v_reason := sqlerrm;
        when unique_violation then
            v_reason := 'unique_violation';
