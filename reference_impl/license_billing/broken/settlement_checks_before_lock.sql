-- title:           A settlement checks the balance and locks the license afterwards
-- class:           check_then_act
-- operation:       settle_unbilled_generation
-- hurts:           the vendor: what was owed and what is new are both paid with the same credits
-- caught-by:       race settlement_against_deduction
-- unmask:          alter table license_billing.licenses drop constraint credits_not_negative
-- unmask:          alter table license_billing.credit_entries drop constraint entry_balances_valid
-- caught-unmasked: race settlement_against_deduction, audit balance_not_negative
-- changes:         functions/settle_unbilled_generation.sql

-- @instead of
    -- This lock decides between two settlements, and between settlement and a late deduction.
-- @write
    select license.credits_remaining
    into strict v_balance
    from license_billing.licenses as license
    where license.id = v_request.license_id;
    if v_balance < -v_request.amount then
        raise exception 'INSUFFICIENT_CREDITS: Current balance % is less than required %',
            v_balance, -v_request.amount;
    end if;

    -- This lock decides between two settlements, and between settlement and a late deduction.

-- @instead of
    return license_billing.charge_request(v_request, v_balance);
-- @write
    -- The credits suffice, so there is no need for charge_request.
    update license_billing.unbilled_generations as generation
    set settled_at = now(), entry_no = (license_billing.post_credit_entry(v_request, v_balance)).entry_no
    where generation.request_id = p_request_id;
    return v_balance + v_request.amount;
