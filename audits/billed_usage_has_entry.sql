-- title:    Whatever counts as billed was charged in full
-- severity: critical
-- property: ledger
-- detects:  no_ledger_entry, free_of_charge, clamped_at_zero, exception_swallowed
-- reads:    usage, entry
--
-- What was served is paid with the entry that it names, in its own account and of its own amount. If
-- there is none, it was served for nothing, and since it counts as billed nobody will come to charge it.

select
    usage.usage_id as subject,
    usage.account_id,
    usage.amount,
    usage.entry_no,
    -entry.amount as taken
from usage
left join entry
    on
        usage.account_id = entry.account_id
        and usage.entry_no = entry.entry_no
where
    usage.status is distinct from 'unbilled'
    and (
        entry.entry_no is null
        or -entry.amount is distinct from usage.amount
    )
