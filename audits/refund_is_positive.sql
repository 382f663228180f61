-- title:    Every refund gives back more than nothing
-- severity: medium
-- property: input
-- detects:  negative_amount, fraction_rounded_away, nan_accepted, null_passes_check
-- reads:    refund
--
-- A refund below zero is a second charge, and makes room for a larger refund beside it: their sum
-- stays within what was charged.

select
    refund.charge_id as subject,
    refund.account_id,
    refund.amount
from refund
where
    refund.amount is null
    or refund.amount <= 0
    or refund.amount in ('NaN', 'Infinity')
