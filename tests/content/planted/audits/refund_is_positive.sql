-- A refund of nothing was recorded.
insert into planted.refund (charge_id, account_id, amount) values ('service-1', 'ann', 0);
