-- title:     A request that found no earlier one takes it that its own insert went through
-- class:     check_then_act
-- operation: claim_idempotency_key
-- hurts:     the user: the request is done twice
-- caught-by: race same_api_request_twice
-- changes:   functions/claim_idempotency_key.sql

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
        from stripe_idempotency.idempotency_keys as request
        where request.idempotency_key = p_idempotency_key
    );

-- @instead of
    outcome := case
-- @write
    outcome := case
        when not v_known then 'claimed'
