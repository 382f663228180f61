-- title:     A lease that is given back takes its Stripe key with it
-- class:     retry_without_key
-- operation: release_stripe_idempotency
-- hurts:     the customer, where the error that was to have had no effect had one
-- caught-by: contract lease_given_back
-- changes:   functions/release_stripe_idempotency.sql
--
-- A timeout looks like "not reached", and Stripe may have done it all the same.

-- @instead of
    set lease_expires_at = least(claim.lease_expires_at, clock_timestamp())
-- @write
    set
        lease_expires_at = least(claim.lease_expires_at, clock_timestamp()),
        stripe_idempotency_key = format('%s:%s:%s', p_operation_type, p_operation_id, gen_random_uuid())
