-- The service was charged once and the credits for it were taken twice.
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('ann', 10, -5, 75, 70, 'service', 'service-1');
update planted.account
set balance = 70
where account_id = 'ann';
