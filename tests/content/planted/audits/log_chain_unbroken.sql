-- The last line was written from a balance that nobody had.
update planted.log_line
set
    balance_before = 81,
    balance_after = 76
where entry_no = 9;
