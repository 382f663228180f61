-- title:     An owner whose lease went to somebody else may still give up for the operation
-- class:     state_not_rechecked
-- operation: fail_stripe_idempotency
-- hurts:     the customer: the operation is given up, or given to a third caller, while the new owner is at Stripe
-- caught-by: contract lapsed_lease_taken_over
-- changes:   functions/lock_claim.sql

-- @instead of
    elsif v_claim.attempt is distinct from p_attempt then
-- @write
    elsif p_attempt is null or p_attempt > v_claim.attempt then
