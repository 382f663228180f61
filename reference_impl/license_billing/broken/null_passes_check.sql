-- title:     A deduction without an amount isn't refused
-- class:     null_passes_check
-- operation: deduct_credits
-- hurts:     whoever reads the logs: a bug of the caller looks like one of the database
-- caught-by: contract deduction_refusals
-- changes:   functions/deduct_credits.sql
--
-- null <= 0 is not true, and nor is balance < null. The column stops what the checks let through, with a raw error.

-- @instead of
    elsif p_amount is null or p_amount <= 0 then
-- @write
    elsif p_amount <= 0 then
