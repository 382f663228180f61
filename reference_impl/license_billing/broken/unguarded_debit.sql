-- title:           Credits are taken without a look at the balance
-- class:           unguarded_debit
-- operation:       deduct_credits
-- hurts:           the vendor: the constraint stops it with an error that no caller understands, and without it
--                  everything is free
-- caught-by:       contract deduction_refusals, contract unbilled_generation_settled_once,
--                  race two_deductions_one_balance, race settlement_against_deduction
-- unmask:          alter table license_billing.licenses drop constraint credits_not_negative
-- unmask:          alter table license_billing.credit_entries drop constraint entry_balances_valid
-- caught-unmasked: contract deduction_refusals, race two_deductions_one_balance, race settlement_against_deduction,
--                  audit balance_not_negative, audit balance_was_never_negative
-- changes:         functions/charge_request.sql

-- @instead of
    if p_balance < -p_request.amount then
        raise exception 'INSUFFICIENT_CREDITS: Current balance % is less than required %',
            p_balance, -p_request.amount;
    end if;
-- @write
