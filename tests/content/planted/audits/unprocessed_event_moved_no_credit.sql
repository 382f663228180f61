-- Ann's credit is there, and the handler failed before it marked the event.
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('ann', 101, 5, 75, 80, 'bonus', 'evt_3');
update planted.account
set balance = 80
where account_id = 'ann';
