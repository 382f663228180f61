-- title:    Every line of the log starts from the balance at which the account's previous line ended
-- severity: medium
-- property: ledger
-- anomaly:  stale read
-- detects:  stale_balance_in_entry, read_modify_write, no_ledger_entry
-- reads:    log_line
--
-- The log is told to whoever asks who moved what. A line with another start than the last line's end
-- was written from a balance that had changed, or a line between the two is missing.

with chained as (
    select
        log_line.account_id,
        log_line.log_no,
        log_line.balance_before,
        lag(log_line.log_no) over one_account as previous_log_no,
        lag(log_line.balance_after) over one_account as previous_balance_after
    from log_line
    window one_account as (
        partition by log_line.account_id
        order by log_line.log_no asc
    )
)

select
    chained.account_id as subject,
    chained.previous_log_no,
    chained.previous_balance_after,
    chained.log_no,
    chained.balance_before
from chained
where
    chained.previous_log_no is not null
    and chained.balance_before is distinct from chained.previous_balance_after
