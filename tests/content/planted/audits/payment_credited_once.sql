-- Ann's payment was announced twice and credited twice.
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('ann', 10, 100, 75, 175, 'top_up', 'payment-1');
update planted.account
set balance = 175
where account_id = 'ann';
