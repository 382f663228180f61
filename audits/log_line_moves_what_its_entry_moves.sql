-- title:    Every line of the log tells of the movement that its entry made
-- severity: high
-- property: ledger
-- detects:  stale_balance_in_entry, fraction_rounded_away
-- reads:    log_line, entry
--
-- The difference between the line's two balances is the entry's amount. Where it isn't, log and ledger
-- tell two stories, and one of them is wrong.

select
    log_line.account_id as subject,
    log_line.log_no,
    log_line.balance_before,
    log_line.balance_after,
    entry.entry_no,
    entry.amount
from log_line
inner join entry
    on
        log_line.account_id = entry.account_id
        and log_line.entry_no = entry.entry_no
where (log_line.balance_after - log_line.balance_before) is distinct from entry.amount
