-- Ben's pending purchase was charged.
insert into planted.charge (charge_id, account_id, amount) values ('pending', 'ben', 25);
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference
) values
('ben', 10, -25, 200, 175, 'purchase', 'pending');
update planted.account
set balance = 175
where account_id = 'ben';
