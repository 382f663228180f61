-- title:     A record takes the list of unbilled generations for the truth
-- class:     charge_overlooked
-- operation: record_unbilled_generation
-- hurts:     the service: it goes on trying to settle what has been charged
-- caught-by: contract late_deduction_settles
-- changes:   functions/record_unbilled_generation.sql
--
-- A deduction that went through leaves no mark there. Only the ledger says what was charged.

-- @instead of
    insert into license_billing.unbilled_generations (request_id, generation, settled_at, entry_no)
-- @write
    billed := exists (
        select 1
        from license_billing.unbilled_generations as generation
        where generation.request_id = p_request_id and generation.settled_at is not null
    );

    insert into license_billing.unbilled_generations (request_id, generation, settled_at, entry_no)

-- @instead of
    billed := v_entry_no is not null;
-- @write
