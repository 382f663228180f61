-- Dan's second usage was charged, and still stands among those that are to be.
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference, request_key
) values
('dan', 16, -7, 60, 53, 'usage', 'usage-2', 'key-16');
update planted.account
set balance = 53
where account_id = 'dan';
