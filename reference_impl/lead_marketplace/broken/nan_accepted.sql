-- title:     NaN and Infinity count as amounts
-- class:     nan_accepted
-- operation: add_workspace_credits
-- hurts:     the marketplace, if a column takes it: a balance of NaN is greater than every price
-- caught-by: contract credit_amounts_checked
--
-- NaN is greater than zero and equal to itself when rounded. The columns refuse it, with an error that is no
-- answer to the caller.

create or replace function lead_marketplace.is_credit_amount(p_amount numeric)
returns boolean
language sql
immutable
set search_path = ''
as $$
    select p_amount > 0 and p_amount = round(p_amount, 2);
$$;
