-- Ann's purchase was charged a second time.
insert into planted.charge (charge_id, account_id, amount) values ('by-credits', 'ann', 30);
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('ann', 10, -30, 75, 45, 'purchase', 'by-credits');
update planted.account
set balance = 45
where account_id = 'ann';
