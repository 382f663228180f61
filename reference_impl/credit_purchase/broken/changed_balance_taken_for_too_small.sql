-- title:     A reservation takes a balance that has just changed for one that is too small
-- class:     lock_timeout_as_refusal
-- operation: reserve_credits
-- hurts:     a user who gets credits in that moment: the job is refused for want of them
-- caught-by: race purchase_against_reservation, race refund_against_reservation
-- changes:   functions/post_credit_entry.sql
--
-- Compare and swap: the update asks for the balance that was read. That nothing is overwritten is right; that it
-- has found another balance says nothing of how large that is.

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
        and profile.credit_balance + v_amount between 0 and 2147483647
-- @write
        and profile.credit_balance + v_amount between 0 and 2147483647
        and (v_amount > 0 or profile.credit_balance <= v_seen)
