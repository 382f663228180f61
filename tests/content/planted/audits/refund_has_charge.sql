-- Cat was refunded for something that nobody charged.
insert into planted.refund (charge_id, account_id, amount) values ('service-2', 'cat', 5);
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('cat', 10, 5, 0, 5, 'refund', 'service-2');
update planted.account
set balance = 5
where account_id = 'cat';
