-- Ann's last entry starts from the balance before the one that came in between.
update planted.entry
set
    balance_before = 75,
    balance_after = 70
where entry_no = 9;
