-- title:     A top-up changes the balance itself and writes no entry
-- class:     no_ledger_entry
-- operation: add_credits
-- hurts:     everybody who has to say later where the credits came from
-- caught-by: lint no_ledger_entry, contract top_up_added_once, audit balance_equals_entries,
--            audit completed_payment_has_entry
-- changes:   functions/add_credits.sql

-- @instead of
        v_entry := license_billing.post_credit_entry(v_request, v_license.credits_remaining);
-- @write
        update license_billing.licenses as license
        set credits_remaining = v_license.credits_remaining + p_amount, credits_total = license.credits_total + p_amount
        where license.id = v_license.id
        returning license.credits_remaining into strict v_entry.balance_after;
