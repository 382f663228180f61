-- Ann's last entry says 80 - 5 = 76.
update planted.entry
set balance_after = 76
where entry_no = 9;
