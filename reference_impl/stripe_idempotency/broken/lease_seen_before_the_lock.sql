-- title:     Whether a lease has lapsed is read before the claim is locked
-- class:     check_before_lock
-- operation: claim_stripe_idempotency
-- hurts:     the customer: two jobs take one dead owner's claim over, and both call Stripe
-- caught-by: race two_callers_take_over_one_lease
-- changes:   functions/claim_stripe_idempotency.sql
--
-- The second job waits for the first one's takeover, and then acts on the lease that it saw before.

-- @instead of
    v_now timestamptz;
-- @write
    v_now timestamptz;
    v_seen timestamptz;

-- @instead of
    -- The first caller makes the row, with a lease that is free; of two first callers the second waits here.
-- @write
    select claim.lease_expires_at
    into v_seen
    from stripe_idempotency.stripe_idempotency_keys as claim
    where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id;

-- @instead of
        when v_claim.lease_expires_at > v_now then 'in_progress'
-- @write
        when coalesce(v_seen, v_claim.lease_expires_at) > v_now then 'in_progress'
