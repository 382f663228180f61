-- title:     A purchase leaves the balance no lower than what it has computed before
-- class:     stale_balance_in_entry
-- operation: apply_credit_purchase
-- hurts:     the shop: what a job has reserved in that moment is back in the balance
-- caught-by: race purchase_against_reservation, audit balance_equals_entries
-- changes:   functions/post_credit_entry.sql
--
-- The buyer was told how many credits there would be. That holds even where some have been spent.

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
            when 'purchase' then greatest(profile.credit_balance, v_seen)
            else profile.credit_balance
        end + v_amount,
        updated_at = now()
