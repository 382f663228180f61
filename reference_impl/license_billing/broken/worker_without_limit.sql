-- title:     A limit of null is no limit
-- class:     null_passes_check
-- operation: settle_unbilled_generations
-- hurts:     the operator: a run that was to be short holds the locks of all licenses
-- caught-by: contract worker_settles_what_can_be_paid
-- changes:   functions/settle_unbilled_generations.sql
--
-- null <= 0 is not true, and nor is 7 = null.

-- @instead of
    if p_limit is null or p_limit <= 0 then
-- @write
    if p_limit <= 0 then
