-- Something was served and counts as billed, and no entry has taken its price.
insert into planted.usage (usage_id, account_id, amount, status, entry_no) values
('usage-3', 'dan', 5, 'billed', null);
