-- title:     A settlement reads the license under a shared lock
-- class:     lock_upgraded
-- operation: settle_unbilled_generation
-- hurts:     the operator: two settlements at once fail with a deadlock
-- caught-by: race settled_twice_at_once
-- changes:   functions/settle_unbilled_generation.sql
--
-- Both hold the share, and each waits for the other to give it up before it can write the balance.

-- @instead of
    for no key update;
-- @write
    for share;
