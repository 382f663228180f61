-- title:     The worker reads the licenses under a shared lock
-- class:     lock_upgraded
-- operation: settle_unbilled_generations
-- hurts:     the operator: two workers that run at once fail with a deadlock
-- caught-by: race two_workers_one_generation
-- changes:   functions/settle_unbilled_generations.sql
--
-- Both hold the share, and each waits for the other to give it up before it can write the balance.

-- @instead of
        for no key update;
-- @write
        for share;
