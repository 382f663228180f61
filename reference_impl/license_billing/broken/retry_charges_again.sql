-- title:     The deduction has no request id
-- class:     not_idempotent
-- operation: deduct_credits
-- hurts:     a customer whose connection was lost: the retry of the network call is charged again
-- caught-by: contract deduction_charged_once, contract repeat_outlives_the_license, contract late_deduction_settles,
--            race same_request_twice
-- changes:   functions/deduct_credits.sql
--
-- The source's function takes a key and an amount, and it thinks of adding retries later.

-- @instead of
        v_request := license_billing.claim_request(p_request_id, v_license.id, 'usage', -p_amount);
-- @write
        v_request := license_billing.claim_request(null, v_license.id, 'usage', -p_amount);
