-- title:    No item was sold by more than one purchase
-- severity: critical
-- property: state
-- anomaly:  double sale
-- detects:  lock_split_across_calls, state_not_rechecked, status_acted_on_twice
-- reads:    purchase_item, purchase
--
-- The item's own counter can be right by accident, for instance when two sales both wrote 1. The
-- purchases tell it from the other side: two buyers hold the same item. A refunded purchase counts,
-- since what it sold stays sold.

select
    purchase_item.item_id as subject,
    count(*) as sales,
    string_agg(purchase.purchase_id, ', ' order by purchase.purchase_id asc) as purchases
from purchase_item
inner join purchase on purchase_item.purchase_id = purchase.purchase_id
where
    purchase_item.sold
    and purchase.status in ('completed', 'refunded')
group by purchase_item.item_id
having count(*) > 1
