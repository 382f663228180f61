-- Something was served for nothing.
insert into planted.usage (usage_id, account_id, amount, status, entry_no) values
('usage-3', 'dan', 0, 'unbilled', null);
