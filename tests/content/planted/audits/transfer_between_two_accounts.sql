-- Dan sent ten credits to himself, by two entries that have other reasons.
insert into planted.transfer (
    transfer_id, from_account, to_account, amount, spend_entry_no, earn_entry_no
) values
('transfer-2', 'dan', 'dan', 10, 13, 12);
