-- title:    Nothing was taken for what counts as unbilled
-- severity: critical
-- property: ledger
-- anomaly:  double charge
-- detects:  check_before_lock, status_acted_on_twice, row_count_ignored, charge_overlooked
-- reads:    usage, entry
--
-- What is unbilled waits to be charged. If its credits have left an account already, whoever settles it
-- takes them again. An entry belongs to what was served if it is named there, or if it takes credits and
-- names it.

select
    usage.usage_id as subject,
    usage.account_id,
    usage.amount,
    entry.entry_no,
    -entry.amount as taken
from usage
left join entry
    on
        (usage.account_id = entry.account_id and usage.entry_no = entry.entry_no)
        or (usage.usage_id = entry.reference and entry.amount < 0)
where
    usage.status = 'unbilled'
    and (
        usage.entry_no is not null
        or entry.entry_no is not null
    )
