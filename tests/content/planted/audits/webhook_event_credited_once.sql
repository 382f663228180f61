-- Ann was credited twice for one event, under two keys that were made of the deliveries.
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference, request_key
) values
('ann', 101, 5, 75, 80, 'bonus', 'evt_2', 'delivery-1'),
('ann', 102, 5, 80, 85, 'bonus', 'evt_2', 'delivery-2');
update planted.account
set balance = 85
where account_id = 'ann';
