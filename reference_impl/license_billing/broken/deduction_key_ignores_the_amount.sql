-- title:     A deduction of 31 is answered with the one of 30 that had its request id
-- class:     key_reused_for_other_arguments
-- operation: deduct_credits
-- hurts:     the vendor: any number of texts is generated under one id and never charged
-- caught-by: contract deduction_charged_once
-- changes:   functions/deduct_credits.sql

-- @instead of
        v_request := license_billing.claim_request(p_request_id, v_license.id, 'usage', -p_amount);
-- @write
        select entry.balance_after
        into v_balance
        from license_billing.credit_entries as entry
        where entry.request_id = p_request_id and entry.license_id = v_license.id;
        if found then
            return v_balance;
        end if;
        v_request := license_billing.claim_request(p_request_id, v_license.id, 'usage', -p_amount);
