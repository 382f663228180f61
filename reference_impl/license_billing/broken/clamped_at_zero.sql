-- title:           Who has too few credits pays what is there
-- class:           clamped_at_zero
-- operation:       deduct_credits
-- hurts:           the vendor: with a balance of 1 every text costs 1
-- caught-by:       contract deduction_refusals, contract unbilled_generation_settled_once
-- unmask:          alter table license_billing.credit_entries drop constraint entry_adds_up
-- caught-unmasked: contract deduction_refusals, contract unbilled_generation_settled_once,
--                  audit balance_equals_entries, audit entry_adds_up
-- changes:         functions/charge_request.sql, functions/post_credit_entry.sql
--
-- greatest(0, ...) keeps the balance from going below zero and hides that the rest was never paid.

-- @instead of
    if p_balance < -p_request.amount then
        raise exception 'INSUFFICIENT_CREDITS: Current balance % is less than required %',
            p_balance, -p_request.amount;
    end if;
-- @write


-- @instead of
    v_after bigint := p_balance::bigint + p_request.amount;
-- @write
    v_after bigint := greatest(0, p_balance::bigint + p_request.amount);
