-- title:     A settlement reports a collision as a reservation that is used up
-- class:     lock_timeout_as_refusal
-- operation: settle_credits
-- hurts:     the shop: a job that could be settled is told that it can't, and nobody tries again
-- caught-by: retry settle_credits, lint retryable_as_refusal
-- changes:   functions/settle_credits.sql
--
-- 40001 means that nothing has happened and that the call may be sent again. The handler makes it a final no.

-- @instead of
        when sqlstate 'CP001' then
            v_reason := sqlerrm;
-- @write
        when sqlstate 'CP001' then
            v_reason := sqlerrm;
        when serialization_failure then
            v_reason := 'reservation_exceeded';
