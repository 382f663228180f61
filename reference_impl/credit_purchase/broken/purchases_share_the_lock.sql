-- title:     A purchase reads the balance under a shared lock, which every other purchase holds as well
-- class:     shared_lock_upgraded
-- operation: apply_credit_purchase
-- hurts:     a user who pays twice at once: one of the two payments ends in a deadlock
-- caught-by: race two_purchases_one_user
-- changes:   functions/post_credit_entry.sql
--
-- Purchases only add, so they need not shut each other out. But each has to change the row in the end, and then waits
-- for the other's share of the lock.

-- @instead of
    v_after integer;
begin
-- @write
    v_after integer;
begin
    if p_operation.operation_type = 'purchase' then
        perform 1
        from credit_purchase.user_profiles as profile
        where profile.id = p_operation.user_id
        for share;
    end if;

