-- Cat spent 10 credits that she never had; the books are right about it.
insert into planted.entry (account_id, entry_no, amount, balance_before, balance_after, kind) values
('cat', 10, -10, 0, -10, 'spend');
update planted.account
set balance = -10
where account_id = 'cat';
