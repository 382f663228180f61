-- The transfer was sent twice and answered for twice; the credits went over once.
insert into planted.transfer (
    transfer_id, from_account, to_account, amount, spend_entry_no, earn_entry_no
) values
('transfer-2', 'dan', 'eve', 15, 14, 15);
