-- title:    Entries gave back no more for a charge than was refunded
-- severity: critical
-- property: ledger
-- anomaly:  double refund
-- detects:  refund_unbound, not_idempotent, negative_amount, effect_before_claim
-- reads:    entry, charge, refund
--
-- The account that was charged also got credits under the charge's name, more of them than the
-- refunds say: the refund was recorded once and paid out twice, or a negative amount turned the
-- charge round. This is refund_has_entry read from the entries' side.

select
    moved.charge_id as subject,
    moved.account_id,
    sum(moved.returned) as returned,
    sum(moved.refunded) as refunded
from (
    select
        charge.charge_id,
        charge.account_id,
        0 as refunded,
        0 as returned,
        1 as charges
    from charge
    union all
    select
        refund.charge_id,
        refund.account_id,
        refund.amount as refunded,
        0 as returned,
        0 as charges
    from refund
    union all
    select
        entry.reference as charge_id,
        entry.account_id,
        0 as refunded,
        entry.amount as returned,
        0 as charges
    from entry
    where
        entry.amount > 0
        and entry.reference is not null
) as moved
group by moved.charge_id, moved.account_id
having
    sum(moved.charges) > 0
    and sum(moved.returned) > 0
    and sum(moved.returned) > sum(moved.refunded)
