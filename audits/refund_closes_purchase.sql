-- title:    Every credit purchase that was given back in full is marked as refunded
-- severity: high
-- property: state
-- detects:  state_not_rechecked, row_count_ignored
-- reads:    purchase, refund
--
-- A purchase whose credits were returned, and which doesn't say so, can be refunded once more; or it
-- was refunded and then completed again.

select
    purchase.purchase_id as subject,
    purchase.account_id,
    purchase.status,
    purchase.amount,
    sum(refund.amount) as refunded
from purchase
inner join refund on purchase.purchase_id = refund.charge_id
where
    purchase.method = 'credits'
    and purchase.status is distinct from 'refunded'
    and purchase.amount > 0
group by purchase.purchase_id, purchase.account_id, purchase.status, purchase.amount
having sum(refund.amount) >= purchase.amount
