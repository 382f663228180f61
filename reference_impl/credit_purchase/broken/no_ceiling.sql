-- title:     Nobody looks whether a balance can hold what is added
-- class:     raw_constraint_error
-- operation: apply_credit_purchase
-- hurts:     the webhook: a payment ends in "integer out of range", again and again
-- caught-by: contract applied_means_credited, contract refund_bound_to_reservation
-- changes:   functions/post_credit_entry.sql
--
-- The column's type stops it, with an error that is no answer.

-- @instead of
        and profile.credit_balance + v_amount between 0 and 2147483647
-- @write
        and profile.credit_balance + v_amount >= 0
