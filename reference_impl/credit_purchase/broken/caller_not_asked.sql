-- title:     A refund doesn't ask who is calling
-- class:     executable_by_anyone
-- operation: refund_credits
-- hurts:     the shop, on the day on which somebody grants EXECUTE too widely
-- caught-by: contract a_grant_is_not_enough
-- changes:   functions/refund_credits.sql

-- @instead of
        when not credit_purchase.caller_is_backend() then 'unauthorized'
-- @write
