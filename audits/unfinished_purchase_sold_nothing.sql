-- title:    Only a completed or refunded purchase has sold anything
-- severity: critical
-- property: state
-- anomaly:  sale without payment
-- detects:  lock_split_across_calls, exception_swallowed, state_not_rechecked
-- reads:    purchase, purchase_item
--
-- A purchase that is pending, has failed, or waits for its money to be returned must not have handed
-- over an item. Otherwise somebody has it without having paid, or has both the item and the money.

select
    purchase.purchase_id as subject,
    purchase.status,
    purchase_item.item_id,
    purchase_item.price
from purchase
inner join purchase_item on purchase.purchase_id = purchase_item.purchase_id
where
    purchase_item.sold
    and coalesce(purchase.status, '') not in ('completed', 'refunded')
