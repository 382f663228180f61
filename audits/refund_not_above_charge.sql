-- title:    No charge was refunded for more than it took
-- severity: critical
-- property: ledger
-- anomaly:  excess refund
-- detects:  refund_unbound, not_idempotent, status_acted_on_twice
-- reads:    charge, refund
--
-- One refund that is too large, or several that are right each by itself: two overlapping refunds of
-- one charge give the credits back twice.

select
    moved.charge_id as subject,
    sum(moved.charged) as charged,
    sum(moved.refunded) as refunded,
    sum(moved.refunds) as refunds
from (
    select
        charge.charge_id,
        charge.amount as charged,
        0 as refunded,
        1 as charges,
        0 as refunds
    from charge
    union all
    select
        refund.charge_id,
        0 as charged,
        refund.amount as refunded,
        0 as charges,
        1 as refunds
    from refund
) as moved
group by moved.charge_id
having
    sum(moved.charges) > 0
    and sum(moved.refunds) > 0
    and sum(moved.refunded) > sum(moved.charged)
