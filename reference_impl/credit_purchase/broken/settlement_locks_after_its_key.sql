-- title:     A settlement shares its reservation, claims its key, and locks the reservation only then
-- class:     lock_upgraded
-- operation: settle_credits
-- hurts:     a worker that uses one key for a settlement and a refund: one of the two ends in a deadlock
-- caught-by: race one_key_settles_and_refunds
-- changes:   functions/settle_credits.sql
--
-- The UPDATE locks the reservation, so that no credit is used twice. But it holds the key by then, and a refund that has
-- locked the reservation first waits for that.

-- @instead of
        for no key update
        on conflict do nothing
-- @write
        on conflict do nothing
