-- title:    No entry has two lines in the log
-- severity: medium
-- property: replay
-- detects:  not_idempotent, status_acted_on_twice
-- reads:    log_line
--
-- Who reads the log counts the movement twice.

select
    log_line.account_id as subject,
    log_line.entry_no,
    count(*) as times,
    min(log_line.log_no) as first_log_no,
    max(log_line.log_no) as last_log_no
from log_line
where log_line.entry_no is not null
group by log_line.account_id, log_line.entry_no
having count(*) > 1
