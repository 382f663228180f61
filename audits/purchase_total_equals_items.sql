-- title:    Every purchase costs the sum of the prices of its items
-- severity: high
-- property: state
-- detects:  fraction_rounded_away, negative_amount, null_passes_check
-- reads:    purchase, purchase_item
--
-- What the buyer pays comes from the purchase, what it is for comes from its items. If a caller can
-- choose the amount, or a price is rounded on one side only, the two totals part. An item without a
-- price is counted as a difference too.

select
    purchase.purchase_id as subject,
    purchase.status,
    purchase.amount,
    coalesce(sum(purchase_item.price), 0) as sum_of_prices,
    count(*) filter (
        where purchase_item.purchase_id is not null and purchase_item.price is null
    ) as without_price
from purchase
left join purchase_item on purchase.purchase_id = purchase_item.purchase_id
group by purchase.purchase_id, purchase.status, purchase.amount
having
    purchase.amount is distinct from coalesce(sum(purchase_item.price), 0)
    or count(*) filter (
        where purchase_item.purchase_id is not null and purchase_item.price is null
    ) > 0
