-- title:     NaN and Infinity count as amounts
-- class:     nan_accepted
-- operation: add_workspace_credits
-- hurts:     the marketplace, if a column takes it: a balance of NaN is greater than every price
-- caught-by: contract credit_amounts_checked
-- changes:   functions/is_credit_amount.sql
--
-- NaN is greater than zero and equal to itself when rounded. The columns refuse it, with an error that is no
-- answer to the caller.

-- @instead of
    select p_amount > 0 and p_amount <= 9999999999.99 and p_amount = round(p_amount, 2);
-- @write
    select p_amount > 0 and p_amount = round(p_amount, 2);
