-- Credits were entered for an account that doesn't exist.
insert into planted.entry (account_id, entry_no, amount, balance_before, balance_after, kind) values
('zoe', 10, 5, 0, 5, 'grant');
