-- title:    Every item that a purchase sold is marked as sold
-- severity: high
-- property: state
-- detects:  row_count_ignored, exception_swallowed, lock_split_across_calls
-- reads:    purchase_item, item
--
-- The buyer holds the item while it is still on offer, or while there is no such item at all: the
-- update that should have marked it hit no row, or was undone by a later one. The next buyer pays
-- for it again.

select  -- noqa: ST06
    coalesce(purchase_item.item_id, '(none)') as subject,
    purchase_item.purchase_id,
    item.status,
    item.sold_count
from purchase_item
left join item on purchase_item.item_id = item.item_id
where
    purchase_item.sold
    and (
        item.item_id is null
        or item.status = 'available'
        or coalesce(item.sold_count, 0) = 0
    )
