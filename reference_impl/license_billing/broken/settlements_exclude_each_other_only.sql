-- title:           A settlement looks whether the generation is charged, and locks the license afterwards
-- class:           check_before_lock
-- operation:       settle_unbilled_generation
-- hurts:           the customer whose deduction arrived late: the text is charged again
-- caught-by:       race settled_against_late_deduction
-- unmask:          alter table license_billing.credit_entries drop constraint entry_request_once
-- caught-unmasked: race settled_against_late_deduction, audit request_key_moves_once,
--                  audit taken_credits_were_charged
-- changes:         functions/settle_unbilled_generation.sql, functions/settle_unbilled_generations.sql
--
-- The advisory lock keeps other settlements and the worker out, and no deduction. The ledger takes one entry per
-- request, so the second charge fails with a raw error.

-- @instead of
    select request.*
    into v_request
-- @write
    -- One settlement at a time.
    perform pg_advisory_xact_lock(hashtext('license_billing.settle'));
    select request.*
    into v_request

-- @instead of
    -- This lock decides between two settlements, and between settlement and a late deduction.
    select license.credits_remaining
    into strict v_balance
    from license_billing.licenses as license
    where license.id = v_request.license_id
    for no key update;
-- @write


-- @instead of
    if found then
        return v_first_balance;
    end if;
-- @write
    if found then
        return v_first_balance;
    end if;

    select license.credits_remaining
    into strict v_balance
    from license_billing.licenses as license
    where license.id = v_request.license_id
    for no key update;

-- @instead of
    generations_settled := 0;
-- @write
    generations_settled := 0;
    -- One settlement at a time.
    perform pg_advisory_xact_lock(hashtext('license_billing.settle'));
