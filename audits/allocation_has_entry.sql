-- title:    Every allocation reached its account in full
-- severity: critical
-- property: ledger
-- detects:  no_ledger_entry, exception_swallowed, webhook_marked_before_effect
-- reads:    allocation, entry
--
-- An allocation that was written down and not credited is lost for good: every later call for its
-- period finds it and takes it for done.

select
    allocation.allocation_id as subject,
    allocation.account_id,
    allocation.amount,
    allocation.entry_no,
    entry.amount as credited
from allocation
left join entry
    on
        allocation.account_id = entry.account_id
        and allocation.entry_no = entry.entry_no
where
    entry.entry_no is null
    or entry.amount is distinct from allocation.amount
