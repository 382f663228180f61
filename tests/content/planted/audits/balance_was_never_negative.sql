-- Cat spent 10 credits that she never had, and was given as many afterwards.
insert into planted.entry (account_id, entry_no, amount, balance_before, balance_after, kind) values
('cat', 10, -10, 0, -10, 'spend'),
('cat', 11, 10, -10, 0, 'grant');
