-- title:    Whatever a hold has returned is back in the account
-- severity: critical
-- property: ledger
-- anomaly:  lost credit
-- detects:  no_ledger_entry, row_count_ignored, exception_swallowed, not_idempotent
-- reads:    hold, entry
--
-- What the account's entries took under the hold's name, less what they gave back, is no more than what
-- the hold has not returned. More means that credits were taken twice, or recorded as returned and never
-- given. A hold that settled and returned more than it had is left to hold_not_exceeded.

select
    moved.hold_id as subject,
    moved.account_id,
    sum(moved.kept) as not_returned,
    sum(moved.taken) as taken
from (
    select
        hold.hold_id,
        hold.account_id,
        hold.amount - hold.returned as kept,
        0 as taken,
        1 as holds
    from hold
    where hold.settled + hold.returned <= hold.amount
    union all
    select
        entry.reference as hold_id,
        entry.account_id,
        0 as kept,
        -entry.amount as taken,
        0 as holds
    from entry
    where entry.reference is not null
) as moved
group by moved.hold_id, moved.account_id
having
    sum(moved.holds) > 0
    and sum(moved.taken) > sum(moved.kept)
