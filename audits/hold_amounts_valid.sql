-- title:    A hold sets something aside, and neither settles nor returns less than nothing
-- severity: high
-- property: input
-- detects:  negative_amount, fraction_rounded_away, nan_accepted
-- reads:    hold
--
-- A settlement of -50 makes room for a return of 50 more than was set aside, and the totals agree. NaN
-- and infinity are no amounts.

select
    hold.hold_id as subject,
    hold.account_id,
    hold.amount,
    hold.settled,
    hold.returned
from hold
where
    hold.amount is null
    or hold.amount <= 0
    or hold.amount in ('NaN', 'Infinity')
    or hold.settled is null
    or hold.settled < 0
    or hold.settled in ('NaN', 'Infinity')
    or hold.returned is null
    or hold.returned < 0
    or hold.returned in ('NaN', 'Infinity')
