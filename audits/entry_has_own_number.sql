-- title:    Every entry has a number of its own within its account
-- severity: medium
-- property: ledger
-- detects:  check_before_lock
-- reads:    entry
--
-- The numbers put an account's entries in order. Where one is missing or given twice, nobody can
-- say which entry came first, and whatever is said about the chain of balances is a guess.

select  -- noqa: ST06
    coalesce(entry.account_id, '(none)') as subject,
    entry.entry_no,
    count(*) as entries
from entry
group by entry.account_id, entry.entry_no
having
    entry.entry_no is null
    or count(*) > 1
