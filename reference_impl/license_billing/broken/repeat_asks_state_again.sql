-- title:     A repeated deduction is asked for the state of the license first
-- class:     replay_asks_state_again
-- operation: deduct_credits
-- hurts:     a customer who paid for a text and hears that the license has expired
-- caught-by: contract repeat_outlives_the_license
-- changes:   functions/deduct_credits.sql

-- @instead of
    -- A repeat is answered before anything is asked that may have changed since.
    select entry.balance_after
    into v_balance
    from license_billing.credit_entries as entry
    where entry.request_id = v_request.request_id;
    if found then
        return v_balance;
    end if;
-- @write


-- @instead of
    return license_billing.charge_request(v_request, v_license.credits_remaining);
-- @write
    select entry.balance_after
    into v_balance
    from license_billing.credit_entries as entry
    where entry.request_id = v_request.request_id;
    if found then
        return v_balance;
    end if;
    return license_billing.charge_request(v_request, v_license.credits_remaining);
