-- title:           A settlement doesn't look whether the generation is charged
-- class:           state_not_rechecked
-- operation:       settle_unbilled_generation
-- hurts:           the customer: each run of a worker charges the text again
-- caught-by:       contract unbilled_generation_settled_once, contract late_deduction_settles,
--                  race settled_twice_at_once, race settled_against_late_deduction, race recorded_then_settled
-- unmask:          alter table license_billing.credit_entries drop constraint entry_request_once
-- caught-unmasked: contract unbilled_generation_settled_once, contract late_deduction_settles,
--                  race settled_twice_at_once, audit usage_charged_once
-- changes:         functions/settle_unbilled_generation.sql

-- @instead of
    if found then
        return v_first_balance;
    end if;
-- @write
