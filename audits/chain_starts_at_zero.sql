-- title:    Every account's first entry starts from zero
-- severity: high
-- property: ledger
-- detects:  no_ledger_entry
-- reads:    entry
--
-- If the first entry starts from any other balance, then credit arrived before the books were
-- opened, or the oldest entries were removed. An unbroken chain can't show that by itself.

with numbered as (
    select
        entry.account_id,
        entry.entry_no,
        entry.balance_before,
        row_number() over (
            partition by entry.account_id
            order by entry.entry_no asc, entry.created_at asc
        ) as place
    from entry
)

select
    numbered.account_id as subject,
    numbered.entry_no,
    numbered.balance_before
from numbered
where
    numbered.place = 1
    and numbered.balance_before is distinct from 0
