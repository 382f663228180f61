-- title:     The worker reads the balance and locks the license afterwards
-- class:     read_modify_write
-- operation: settle_unbilled_generations
-- hurts:     the vendor: of a settlement and a deduction at the same moment, one is free
-- caught-by: race worker_against_deduction, audit balance_equals_entries
-- changes:   functions/settle_unbilled_generations.sql

-- @instead of
        where license.id = v_license_id
        for no key update;
-- @write
        where license.id = v_license_id;

        perform
        from license_billing.licenses as license
        where license.id = v_license_id
        for no key update;
