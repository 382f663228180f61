-- Dan's first usage was charged again, under another key.
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference, request_key
) values
('dan', 16, -10, 60, 50, 'usage', 'usage-1', 'key-16');
update planted.account
set balance = 50
where account_id = 'dan';
