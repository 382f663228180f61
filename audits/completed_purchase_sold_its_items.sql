-- title:    Every completed purchase has sold all of its items, and has at least one
-- severity: critical
-- property: state
-- anomaly:  payment without sale
-- detects:  row_count_ignored, exception_swallowed, skip_locked_spend
-- reads:    purchase, purchase_item
--
-- The buyer paid for a basket and got part of it or nothing: some of the items had gone, and the
-- purchase was completed nevertheless.

select
    purchase.purchase_id as subject,
    count(purchase_item.purchase_id) as items,
    count(*) filter (where purchase_item.sold) as sold,
    string_agg(
        purchase_item.item_id, ', ' order by purchase_item.item_id asc
    ) filter (where purchase_item.sold is not true) as not_sold
from purchase
left join purchase_item on purchase.purchase_id = purchase_item.purchase_id
where purchase.status = 'completed'
group by purchase.purchase_id
having not coalesce(bool_and(coalesce(purchase_item.sold, false)), false)
