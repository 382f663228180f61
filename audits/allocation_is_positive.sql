-- title:    Every allocation gives more than nothing
-- severity: high
-- property: input
-- detects:  negative_amount
-- reads:    allocation
--
-- An allocation of nothing uses its period up, and one of less than nothing takes what its account has.

select
    allocation.allocation_id as subject,
    allocation.account_id,
    allocation.amount
from allocation
where (allocation.amount > 0) is not true
