-- Five credits are set aside for somebody who has no account.
insert into planted.hold (hold_id, account_id, amount, settled, returned) values
('hold-2', 'nobody', 5, 0, 0);
