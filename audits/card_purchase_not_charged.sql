-- title:    No credits were taken for a purchase that was paid by card
-- severity: high
-- property: state
-- detects:  status_acted_on_twice, state_not_rechecked
-- reads:    purchase, charge, entry
--
-- The buyer paid with money. If credits were taken as well, one purchase went through both ways of
-- paying. An entry that takes credits and names the purchase counts like a charge.

select
    purchase.purchase_id as subject,
    purchase.account_id,
    purchase.status,
    purchase.method,
    purchase.amount
from purchase
where
    purchase.method is distinct from 'credits'
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
