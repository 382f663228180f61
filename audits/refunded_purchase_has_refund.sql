-- title:    Every refunded credit purchase gave its credits back
-- severity: high
-- property: state
-- detects:  row_count_ignored, exception_swallowed
-- reads:    purchase, refund
--
-- The purchase says that the buyer got the credits back, and the refunds give less than it cost.
-- Purchases by card are left out, since their money goes back outside of the credits.

select
    purchase.purchase_id as subject,
    purchase.account_id,
    purchase.amount,
    coalesce(sum(refund.amount), 0) as refunded
from purchase
left join refund on purchase.purchase_id = refund.charge_id
where
    purchase.method = 'credits'
    and purchase.status = 'refunded'
group by purchase.purchase_id, purchase.account_id, purchase.amount
having coalesce(sum(refund.amount), 0) < purchase.amount
