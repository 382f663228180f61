-- Dan's entries 12 and 13, which undo each other, were logged once more after 13.
update planted.log_line
set log_no = log_no + 2
where entry_no > 13;
insert into planted.log_line (log_no, account_id, entry_no, balance_before, balance_after) values
(13, 'dan', 12, 75, 85),
(14, 'dan', 13, 85, 75);
