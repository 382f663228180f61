-- title:           A claim that was seen with a lapsed lease is taken over, whatever has become of it
-- class:           status_acted_on_twice
-- operation:       claim_stripe_idempotency
-- hurts:           the customer, who pays again for what the late owner has just recorded
-- caught-by:       race late_record_against_takeover
-- unmask:          alter table stripe_idempotency.stripe_idempotency_keys drop constraint claim_lease_while_in_progress
-- caught-unmasked: race late_record_against_takeover
-- changes:         functions/claim_stripe_idempotency.sql
--
-- The lease is looked at again behind the lock, the status isn't. A completed claim has no lease.

-- @instead of
    v_now timestamptz;
-- @write
    v_now timestamptz;
    v_lapsed boolean;

-- @instead of
    -- The first caller makes the row, with a lease that is free; of two first callers the second waits here.
-- @write
    v_lapsed := exists (
        select 1
        from stripe_idempotency.stripe_idempotency_keys as claim
        where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id
            and claim.lease_expires_at <= clock_timestamp() and claim.expires_at > clock_timestamp()
    );

-- @instead of
    -- Each line may rely on those above it.
    outcome := case
-- @write
    outcome := case
        when v_lapsed and (v_claim.lease_expires_at > v_now) is not true then 'claimed'
