-- title:    No entry is missing in the log between two that are there
-- severity: high
-- property: ledger
-- detects:  no_ledger_entry, exception_swallowed
-- reads:    log_line, entry
--
-- A log may begin late, and one that is written afterwards may trail behind. In between, each entry of
-- an account has its line, or somebody's movement can't be told any more.

with logged as (
    select
        log_line.account_id,
        min(log_line.entry_no) as first_entry_no,
        max(log_line.entry_no) as last_entry_no
    from log_line
    group by log_line.account_id
)

select
    entry.account_id as subject,
    entry.entry_no,
    entry.kind,
    entry.amount
from logged
inner join entry
    on
        logged.account_id = entry.account_id
        and logged.first_entry_no < entry.entry_no
        and logged.last_entry_no > entry.entry_no
where not exists (
    select 1
    from log_line
    where
        log_line.account_id = entry.account_id
        and log_line.entry_no = entry.entry_no
)
