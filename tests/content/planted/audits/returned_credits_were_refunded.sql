-- The credits for the service came back and no refund says so.
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('ann', 10, 5, 75, 80, 'service', 'service-1');
update planted.account
set balance = 80
where account_id = 'ann';
