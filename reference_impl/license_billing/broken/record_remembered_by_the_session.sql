-- title:           A settlement trusts what its own connection has heard from the record before
-- class:           lock_split_across_calls
-- operation:       settle_unbilled_generation
-- hurts:           the customer, when a worker has charged the text between the two calls
-- caught-by:       race recorded_then_settled
-- unmask:          alter table license_billing.credit_entries drop constraint entry_request_once
-- caught-unmasked: race recorded_then_settled, audit request_key_moves_once
-- changes:         functions/record_unbilled_generation.sql, functions/settle_unbilled_generation.sql
--
-- The record leaves a note in the connection that the generation is unbilled, and the settlement there doesn't look
-- again. Each call is a transaction of its own, and others charge between the two.

-- @instead of
    return next;
-- @write
    perform set_config('license_billing.unbilled', case when billed then '' else p_request_id::text end, false);
    return next;

-- @instead of
    if found then
        return v_first_balance;
-- @write
    if found and current_setting('license_billing.unbilled', true) is distinct from p_request_id::text then
        return v_first_balance;

-- @instead of
    return license_billing.charge_request(v_request, v_balance);
-- @write
    perform set_config('license_billing.unbilled', '', false);
    return license_billing.charge_request(v_request, v_balance);
