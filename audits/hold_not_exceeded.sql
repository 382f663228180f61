-- title:    No more was settled and returned than was set aside
-- severity: critical
-- property: ledger
-- anomaly:  excess settlement
-- detects:  refund_unbound, check_then_act, check_before_lock, status_acted_on_twice, not_idempotent
-- reads:    hold
--
-- What is set aside is used or comes back, and each credit of it once. Two calls that overlap and each
-- find enough left take the same credits twice.

select
    hold.hold_id as subject,
    hold.account_id,
    hold.amount,
    hold.settled,
    hold.returned
from hold
where hold.settled + hold.returned > hold.amount
