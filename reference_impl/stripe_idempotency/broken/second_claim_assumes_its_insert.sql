-- title:     A claim that found nothing takes it that its own insert went through
-- class:     check_then_act
-- operation: claim_stripe_idempotency
-- hurts:     the customer: two callers at once hear "claimed", each with a key of its own, and Stripe charges twice
-- caught-by: race two_callers_claim_call_and_record
-- changes:   functions/claim_stripe_idempotency.sql
--
-- "On conflict do nothing" is no error, so nothing seems to have gone wrong. But it was the other caller's row that
-- went in.

-- @instead of
    v_now timestamptz;
-- @write
    v_now timestamptz;
    v_known boolean;

-- @instead of
    -- The first caller makes the row, with a lease that is free; of two first callers the second waits here.
-- @write
    v_known := exists (
        select 1
        from stripe_idempotency.stripe_idempotency_keys as claim
        where claim.operation_type = p_operation_type and claim.operation_id = p_operation_id
    );

-- @instead of
    -- Each line may rely on those above it.
    outcome := case
-- @write
    outcome := case
        when not v_known and v_claim.status = 'in_progress' then 'claimed'
