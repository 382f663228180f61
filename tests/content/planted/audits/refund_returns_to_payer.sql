-- Ann paid for the service, Ben was refunded.
insert into planted.refund (charge_id, account_id, amount) values ('service-1', 'ben', 5);
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('ben', 10, 5, 200, 205, 'refund', 'service-1');
update planted.account
set balance = 205
where account_id = 'ben';
