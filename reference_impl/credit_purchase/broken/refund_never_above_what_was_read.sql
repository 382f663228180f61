-- title:     A refund lifts the balance no higher than to what it has computed before
-- class:     stale_balance_in_entry
-- operation: refund_credits
-- hurts:     a user who buys credits in that moment: they are gone again
-- caught-by: race purchase_against_refund, audit balance_equals_entries
-- changes:   functions/post_credit_entry.sql
--
-- A guard against too much hides that the balance has moved on.

-- @instead of
    v_after integer;
begin
-- @write
    v_after integer;
    v_seen integer;
begin
    select profile.credit_balance
    into strict v_seen
    from credit_purchase.user_profiles as profile
    where profile.id = p_operation.user_id;

-- @instead of
    set credit_balance = profile.credit_balance + v_amount, updated_at = now()
-- @write
    set
        credit_balance = case p_operation.operation_type
            when 'refund' then least(profile.credit_balance, v_seen)
            else profile.credit_balance
        end + v_amount,
        updated_at = now()
