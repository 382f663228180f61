-- title:    An item's status, its count of sales and its time of sale tell the same story
-- severity: medium
-- property: state
-- detects:  row_count_ignored, state_not_rechecked
-- reads:    item
--
-- A sold item was sold at least once and has a time of sale; one on offer has neither. An item of
-- any other status (a draft, say) has both or neither. Where this isn't so, one part of the
-- application offers what another has sold.

select
    item.item_id as subject,
    item.status,
    item.sold_count,
    item.sold_at
from item
where
    item.status is null
    or (coalesce(item.sold_count, 0) > 0) <> (item.sold_at is not null)
    or (item.status = 'sold' and item.sold_at is null)
    or (item.status = 'available' and item.sold_at is not null)
