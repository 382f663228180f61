-- Cat's first entry starts from 10 credits that nobody entered.
insert into planted.entry (account_id, entry_no, amount, balance_before, balance_after, kind) values
('cat', 10, 5, 10, 15, 'grant');
update planted.account
set balance = 5
where account_id = 'cat';
