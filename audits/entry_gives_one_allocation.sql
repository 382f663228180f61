-- title:    No entry stands for more than one allocation
-- severity: high
-- property: replay
-- detects:  not_idempotent, exception_swallowed, effect_before_claim
-- reads:    allocation
--
-- The account was credited once, and two allocations point there: one of them was never given.

select
    allocation.account_id as subject,
    allocation.entry_no,
    count(*) as allocations,
    sum(allocation.amount) as amount
from allocation
where allocation.entry_no is not null
group by allocation.account_id, allocation.entry_no
having count(*) > 1
