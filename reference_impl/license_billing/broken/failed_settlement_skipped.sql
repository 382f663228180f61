-- title:     The worker goes on after whatever error
-- class:     exception_swallowed
-- operation: settle_unbilled_generations
-- hurts:     everybody who waits for a settlement: a deadlock looks like a generation that can't be paid
-- caught-by: lint retryable_as_refusal
-- changes:   functions/settle_unbilled_generations.sql

-- @instead of
            continue when v_balance < -v_request.amount;
            v_balance := license_billing.charge_request(v_request, v_balance);
            generations_settled := generations_settled + 1;
-- @write
            begin
                v_balance := license_billing.charge_request(v_request, v_balance);
                generations_settled := generations_settled + 1;
            exception
                when others then
                    null;
            end;
