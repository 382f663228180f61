-- title:     The worker locks the licenses in the order in which the generations came
-- class:     locks_in_caller_order
-- operation: settle_unbilled_generations
-- hurts:     whoever settles several licenses in one transaction: it, or the worker, fails with a deadlock
-- caught-by: race worker_against_two_settlements
-- changes:   functions/settle_unbilled_generations.sql

-- @instead of
        select distinct request.license_id
-- @write
        select request.license_id

-- @instead of
        order by request.license_id
-- @write
        group by request.license_id
        order by min(generation.recorded_no)
