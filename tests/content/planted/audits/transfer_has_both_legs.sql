-- A transfer was written down, and no credit moved.
insert into planted.transfer (
    transfer_id, from_account, to_account, amount, spend_entry_no, earn_entry_no
) values
('transfer-2', 'dan', 'eve', 5, null, null);
