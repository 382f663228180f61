-- title:    Every charge takes more than nothing
-- severity: high
-- property: input
-- detects:  negative_amount, fraction_rounded_away, nan_accepted, null_passes_check
-- reads:    charge
--
-- A charge of -50 gives credits instead of taking them, and a charge of zero gives the thing away.
-- NaN and infinity are no amounts.

select
    charge.charge_id as subject,
    charge.account_id,
    charge.amount
from charge
where
    charge.amount is null
    or charge.amount <= 0
    or charge.amount in ('NaN', 'Infinity')
