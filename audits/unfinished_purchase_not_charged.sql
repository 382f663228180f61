-- title:    No credits were taken for a credit purchase that is not completed
-- severity: critical
-- property: state
-- anomaly:  charge without sale
-- detects:  exception_swallowed, state_not_rechecked, row_count_ignored
-- reads:    purchase, charge, entry
--
-- The buyer's credits are gone and the purchase is pending or has failed: the charge was kept while
-- the rest was undone. An entry that takes credits and names the purchase counts like a charge.

select
    purchase.purchase_id as subject,
    purchase.account_id,
    purchase.status,
    purchase.amount
from purchase
where
    purchase.method = 'credits'
    and coalesce(purchase.status, '') not in ('completed', 'refunded', 'refund_due')
    and (
        exists (
            select 1
            from charge
            where charge.charge_id = purchase.purchase_id
        )
        or exists (
            select 1
            from entry
            where
                entry.reference = purchase.purchase_id
                and entry.amount < 0
        )
    )
