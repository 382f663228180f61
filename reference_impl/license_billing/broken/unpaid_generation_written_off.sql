-- title:     The worker gives up generations that can't be paid
-- class:     free_of_charge
-- operation: settle_unbilled_generations
-- hurts:     the vendor: a license without credits generates for nothing, by waiting for the worker
-- caught-by: contract worker_settles_what_can_be_paid, race worker_against_deduction, audit billed_usage_has_entry
-- changes:   functions/settle_unbilled_generations.sql
--
-- The source accepts it as a small risk that a text is free when its billing fails. Whoever can make it fail decides
-- how small the risk is.

-- @instead of
            continue when v_balance < -v_request.amount;
-- @write
            if v_balance < -v_request.amount then
                delete from license_billing.unbilled_generations as generation
                where generation.request_id = v_request.request_id;
                continue;
            end if;
