-- title:    Every completed credit purchase was charged once and in full
-- severity: critical
-- property: state
-- anomaly:  wrong charge
-- detects:  not_idempotent, status_acted_on_twice, check_before_lock, state_not_rechecked,
--           negative_amount, fraction_rounded_away, row_count_ignored
-- reads:    purchase, charge
--
-- Two charges mean that a repeated or overlapping completion took the credits again; none, that the
-- items were free; another amount, that somebody else than the price list chose it. A refunded
-- purchase was completed before and counts as well.

select
    purchase.purchase_id as subject,
    purchase.status,
    purchase.amount,
    count(charge.charge_id) as charges,
    coalesce(sum(charge.amount), 0) as charged
from purchase
left join charge on purchase.purchase_id = charge.charge_id
where
    purchase.method = 'credits'
    and purchase.status in ('completed', 'refunded')
group by purchase.purchase_id, purchase.status, purchase.amount
having
    count(charge.charge_id) > 1
    or coalesce(sum(charge.amount), 0) is distinct from purchase.amount
