-- 0.20 credits were charged to Cat, rounded to a whole number of credits.
insert into planted.entry (account_id, entry_no, amount, balance_before, balance_after, kind) values
('cat', 10, 0, 0, 0, 'service');
