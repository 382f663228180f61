-- title:     Whose lease it is, is read before the claim is locked
-- class:     check_before_lock
-- operation: release_stripe_idempotency
-- hurts:     the new owner, whose lease a late one gives away: a third caller is at Stripe at the same time
-- caught-by: race late_release_against_takeover
-- changes:   functions/lock_claim.sql

-- @instead of
    v_claim stripe_idempotency.stripe_idempotency_keys;
begin
-- @write
    v_claim stripe_idempotency.stripe_idempotency_keys;
    v_attempt integer;
begin
    select claim.attempt
    into v_attempt
    from stripe_idempotency.stripe_idempotency_keys as claim
    where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id;

-- @instead of
    elsif v_claim.attempt is distinct from p_attempt then
-- @write
    elsif v_attempt is distinct from p_attempt then
