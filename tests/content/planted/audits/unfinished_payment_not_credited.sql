-- Cat got the credits and the payment is still pending.
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('cat', 10, 40, 0, 40, 'top_up', 'payment-3');
update planted.account
set balance = 40
where account_id = 'cat';
