-- Ann paid by card, and 40 credits were taken as well.
insert into planted.charge (charge_id, account_id, amount) values ('by-card', 'ann', 40);
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('ann', 10, -40, 75, 35, 'purchase', 'by-card');
update planted.account
set balance = 35
where account_id = 'ann';
