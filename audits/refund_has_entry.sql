-- title:    Whatever was refunded reached the account through its entries
-- severity: critical
-- property: ledger
-- detects:  no_ledger_entry, exception_swallowed
-- reads:    refund, entry
--
-- For each refund, the account has entries that name the charge and give at least as much. Less
-- means that a refund was recorded and never paid out. returned_credits_were_refunded reads the
-- same totals the other way.

select
    moved.charge_id as subject,
    moved.account_id,
    sum(moved.refunded) as refunded,
    sum(moved.returned) as returned
from (
    select
        refund.charge_id,
        refund.account_id,
        refund.amount as refunded,
        0 as returned
    from refund
    union all
    select
        entry.reference as charge_id,
        entry.account_id,
        0 as refunded,
        entry.amount as returned
    from entry
    where
        entry.amount > 0
        and entry.reference is not null
) as moved
group by moved.charge_id, moved.account_id
having sum(moved.refunded) > sum(moved.returned)
