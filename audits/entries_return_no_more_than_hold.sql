-- title:    Entries gave back no more of a hold than it says it returned
-- severity: critical
-- property: ledger
-- anomaly:  double refund
-- detects:  refund_unbound, not_idempotent, negative_amount, effect_before_claim
-- reads:    hold, entry
--
-- The return was recorded once and paid out twice, or never recorded: then the hold still looks as if
-- there were something left to return. Only the entries of the hold's own account are looked at.

select
    moved.hold_id as subject,
    moved.account_id,
    sum(moved.given) as given,
    sum(moved.returned) as returned
from (
    select
        hold.hold_id,
        hold.account_id,
        hold.returned,
        0 as given,
        1 as holds
    from hold
    union all
    select
        entry.reference as hold_id,
        entry.account_id,
        0 as returned,
        entry.amount as given,
        0 as holds
    from entry
    where
        entry.amount > 0
        and entry.reference is not null
) as moved
group by moved.hold_id, moved.account_id
having
    sum(moved.holds) > 0
    and sum(moved.given) > sum(moved.returned)
