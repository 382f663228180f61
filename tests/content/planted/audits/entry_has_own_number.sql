-- Two of Ann's entries have the same number.
update planted.entry
set entry_no = 7
where entry_no = 8;
