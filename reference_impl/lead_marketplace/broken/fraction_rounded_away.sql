-- title:     An amount with three decimals is rounded without a word
-- class:     fraction_rounded_away
-- operation: add_workspace_credits
-- hurts:     whoever pays by the amount that was sent: 0.005 credits become 0.01, and 10.001 become 10
-- caught-by: contract credit_amounts_checked

create or replace function lead_marketplace.is_credit_amount(p_amount numeric)
returns boolean
language sql
immutable
set search_path = ''
as $$
    select p_amount > 0 and p_amount <= 9999999999.99;
$$;
