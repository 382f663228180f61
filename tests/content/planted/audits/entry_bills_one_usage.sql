-- A third usage points to the entry that has paid for the first.
insert into planted.usage (usage_id, account_id, amount, status, entry_no) values
('usage-3', 'dan', 10, 'billed', 13);
