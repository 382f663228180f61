-- title:    Entries took no more for a charge than was charged
-- severity: critical
-- property: ledger
-- anomaly:  double charge
-- detects:  not_idempotent, status_acted_on_twice, effect_before_claim
-- reads:    entry, charge
--
-- The charge was recorded once, the credits left the account twice. This is charge_has_entry read
-- from the entries' side; only both together say that the totals agree.

select
    moved.charge_id as subject,
    moved.account_id,
    sum(moved.taken) as taken,
    sum(moved.charged) as charged
from (
    select
        charge.charge_id,
        charge.account_id,
        charge.amount as charged,
        0 as taken,
        1 as charges
    from charge
    union all
    select
        entry.reference as charge_id,
        entry.account_id,
        0 as charged,
        -entry.amount as taken,
        0 as charges
    from entry
    where
        entry.amount < 0
        and entry.reference is not null
) as moved
group by moved.charge_id, moved.account_id
having
    sum(moved.charges) > 0
    and sum(moved.taken) > 0
    and sum(moved.taken) > sum(moved.charged)
