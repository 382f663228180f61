-- title:     A deadlock is reported as a refund that was used before
-- class:     lock_timeout_as_refusal
-- operation: settle_card_refund
-- hurts:     the buyer: a passing collision becomes a final no, and nobody tries again
-- caught-by: lint retryable_as_refusal
-- changes:   functions/settle_card_refund.sql

-- @instead of
        when unique_violation then
-- @write
        when others then
