-- Cat has set nothing aside.
insert into planted.hold (hold_id, account_id, amount, settled, returned) values
('hold-2', 'cat', 0, 0, 0);
