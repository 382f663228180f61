-- title:    Whatever was settled of a hold has left the account
-- severity: critical
-- property: ledger
-- detects:  no_ledger_entry, lock_split_across_calls, row_count_ignored, exception_swallowed
-- reads:    hold, entry
--
-- What the account's entries took under the hold's name, less what they gave back, is at least what was
-- settled. It may have been taken when it was set aside or when it was settled. Less means that something
-- was handed over on credits that are still in the balance.

select
    moved.hold_id as subject,
    moved.account_id,
    sum(moved.settled) as settled,
    sum(moved.taken) as taken
from (
    select
        hold.hold_id,
        hold.account_id,
        hold.settled,
        0 as taken,
        1 as holds
    from hold
    union all
    select
        entry.reference as hold_id,
        entry.account_id,
        0 as settled,
        -entry.amount as taken,
        0 as holds
    from entry
    where entry.reference is not null
) as moved
group by moved.hold_id, moved.account_id
having
    sum(moved.holds) > 0
    and sum(moved.settled) > sum(moved.taken)
