-- Cat has used five credits that were set aside for her, and nobody took them from her account.
insert into planted.hold (hold_id, account_id, amount, settled, returned) values
('hold-2', 'cat', 5, 5, 0);
