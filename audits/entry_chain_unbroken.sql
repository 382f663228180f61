-- title:    Every entry starts from the balance at which the account's previous entry ended
-- severity: high
-- property: ledger
-- anomaly:  stale read
-- detects:  stale_balance_in_entry, read_modify_write, no_ledger_entry
-- reads:    entry
--
-- Two spends that both start from the same balance leave two entries with the same balance before:
-- one of them was not aware of the other. Entries are put in order by their number and not by their
-- time, because the number is drawn while the account is locked and a transaction's time is not.
-- (Time only decides between equal numbers, which entry_has_own_number reports.)

with chained as (
    select
        entry.account_id,
        entry.entry_no,
        entry.balance_before,
        lag(entry.entry_no) over one_account as previous_entry_no,
        lag(entry.balance_after) over one_account as previous_balance_after,
        row_number() over one_account as place
    from entry
    window one_account as (
        partition by entry.account_id
        order by entry.entry_no asc, entry.created_at asc
    )
)

select
    chained.account_id as subject,
    chained.previous_entry_no,
    chained.previous_balance_after,
    chained.entry_no,
    chained.balance_before
from chained
where
    chained.place > 1
    and chained.balance_before is distinct from chained.previous_balance_after
