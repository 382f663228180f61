-- title:    Whatever was served costs more than nothing
-- severity: critical
-- property: input
-- detects:  negative_amount, fraction_rounded_away, null_passes_check
-- reads:    usage
--
-- What costs nothing was free, and what costs less than nothing adds credits when it is charged.

select
    usage.usage_id as subject,
    usage.account_id,
    usage.amount,
    usage.status
from usage
where (usage.amount > 0) is not true
