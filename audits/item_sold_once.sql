-- title:    No item was sold more than once
-- severity: critical
-- property: state
-- anomaly:  double sale
-- detects:  lock_split_across_calls, state_not_rechecked, status_acted_on_twice, not_idempotent
-- reads:    item
--
-- The item's own counter says that it was sold again: two buyers paid for the same thing, or one
-- sale was carried out twice.

select
    item.item_id as subject,
    item.sold_count,
    item.status,
    item.sold_at
from item
where item.sold_count > 1
