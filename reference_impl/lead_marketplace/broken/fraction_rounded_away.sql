-- title:     An amount with three decimals is rounded without a word
-- class:     fraction_rounded_away
-- operation: add_workspace_credits
-- hurts:     whoever pays by the amount that was sent: 0.005 credits become 0.01, and 10.001 become 10
-- caught-by: contract credit_amounts_checked
-- changes:   functions/is_credit_amount.sql

-- @instead of
    select p_amount > 0 and p_amount <= 9999999999.99 and p_amount = round(p_amount, 2);
-- @write
    select p_amount > 0 and p_amount <= 9999999999.99;
