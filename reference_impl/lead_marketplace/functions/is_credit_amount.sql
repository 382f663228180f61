-- Whether an amount is a positive number of credits with at most two decimals, as it was given.
--
-- Ask before the amount meets a numeric(12, 2) column or cast, which would round 0.005 to a legal 0.01.
-- NaN compares greater than everything, so the upper bound refuses it, and Infinity too. NULL gives NULL:
-- test with "is not true".

create or replace function lead_marketplace.is_credit_amount(p_amount numeric)
returns boolean
language sql
immutable
set search_path = ''
as $$
    select p_amount > 0 and p_amount <= 9999999999.99 and p_amount = round(p_amount, 2);
$$;

alter function lead_marketplace.is_credit_amount(numeric) owner to lead_marketplace_owner;
revoke all on function lead_marketplace.is_credit_amount(numeric)
from public, anon, authenticated, service_role;
