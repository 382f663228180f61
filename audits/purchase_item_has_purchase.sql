-- title:    Every item of a purchase belongs to a purchase that exists
-- severity: high
-- property: state
-- detects:  row_count_ignored
-- reads:    purchase_item, purchase
--
-- A line without its purchase can't be charged, refunded or explained. It is what remains of a
-- purchase that was written in parts, or removed.

select  -- noqa: ST06
    coalesce(purchase_item.purchase_id, '(none)') as subject,
    purchase_item.item_id,
    purchase_item.price,
    purchase_item.sold
from purchase_item
where not exists (
    select 1
    from purchase
    where purchase.purchase_id = purchase_item.purchase_id
)
