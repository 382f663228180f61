-- title:     Whoever takes a lapsed lease over draws a new Stripe key
-- class:     retry_without_key
-- operation: claim_stripe_idempotency
-- hurts:     the customer: the dead owner's call may have arrived, and under another key Stripe does it again
-- caught-by: contract lapsed_lease_taken_over, contract lease_given_back
-- changes:   functions/claim_stripe_idempotency.sql

-- @instead of
        set attempt = claim.attempt + 1, lease_expires_at = v_now + make_interval(secs => p_lease_seconds)
-- @write
        set
            attempt = claim.attempt + 1,
            lease_expires_at = v_now + make_interval(secs => p_lease_seconds),
            stripe_idempotency_key = format('%s:%s:%s', p_operation_type, p_operation_id, gen_random_uuid())
