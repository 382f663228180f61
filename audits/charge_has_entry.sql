-- title:    Whatever was charged left the account through its entries
-- severity: critical
-- property: ledger
-- detects:  no_ledger_entry, exception_swallowed, effect_before_claim
-- reads:    charge, entry
--
-- For each charge, the account has entries that name it and take at least as much. Less means that
-- something was handed over and the books don't show its price. taken_credits_were_charged reads
-- the same totals the other way.

select
    moved.charge_id as subject,
    moved.account_id,
    sum(moved.charged) as charged,
    sum(moved.taken) as taken
from (
    select
        charge.charge_id,
        charge.account_id,
        charge.amount as charged,
        0 as taken
    from charge
    union all
    select
        entry.reference as charge_id,
        entry.account_id,
        0 as charged,
        -entry.amount as taken
    from entry
    where
        entry.amount < 0
        and entry.reference is not null
) as moved
group by moved.charge_id, moved.account_id
having sum(moved.charged) > sum(moved.taken)
