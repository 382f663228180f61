-- Five were taken, and the log tells of six.
update planted.log_line
set balance_after = 74
where entry_no = 9;
