-- title:     A record looks whether the generation is charged before it claims the request
-- class:     check_before_lock
-- operation: record_unbilled_generation
-- hurts:     the customer: the text is charged, and stands among those that are still to be
-- caught-by: race recorded_while_deducted, audit unbilled_usage_not_charged
-- changes:   functions/record_unbilled_generation.sql
--
-- The claim waits for the deduction that is under way. What was read before it says that there was none.

-- @instead of
    -- A deduction or a record of this request that is under way is waited for here, so that what is read below
    -- is how it ended.
    perform license_billing.claim_request(p_request_id, v_license_id, 'usage', -p_amount);
-- @write


-- @instead of
    where entry.request_id = p_request_id;
-- @write
    where entry.request_id = p_request_id;

    perform license_billing.claim_request(p_request_id, v_license_id, 'usage', -p_amount);
