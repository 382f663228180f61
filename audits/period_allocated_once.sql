-- title:    No period of a subscription was allocated twice
-- severity: critical
-- property: replay
-- anomaly:  double apply
-- detects:  not_idempotent, insert_where_not_exists, unique_missing_on_key, check_before_lock
-- reads:    allocation
--
-- Several events from outside tell of the same period, in any order and more than once. Two
-- allocations mean that two of them found none. Allocations without a subscription are left out.

select
    allocation.subscription_id as subject,
    allocation.period_start,
    count(*) as allocations,
    sum(allocation.amount) as amount
from allocation
where
    allocation.subscription_id is not null
    and allocation.period_start is not null
group by allocation.subscription_id, allocation.period_start
having count(*) > 1
