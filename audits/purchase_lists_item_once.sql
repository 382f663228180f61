-- title:    No purchase lists the same item twice
-- severity: medium
-- property: input
-- detects:  not_idempotent
-- reads:    purchase_item
--
-- A list of items with a duplicate in it, taken as it came, makes the buyer pay twice for one thing.
-- The totals agree with each other all the same.

select  -- noqa: ST06
    coalesce(purchase_item.purchase_id, '(none)') as subject,
    purchase_item.item_id,
    count(*) as times,
    sum(purchase_item.price) as price
from purchase_item
group by purchase_item.purchase_id, purchase_item.item_id
having count(*) > 1
