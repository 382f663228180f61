-- The service cost 5 credits and 6 were given back.
insert into planted.refund (charge_id, account_id, amount) values ('service-1', 'ann', 6);
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('ann', 10, 6, 75, 81, 'refund', 'service-1');
update planted.account
set balance = 81
where account_id = 'ann';
