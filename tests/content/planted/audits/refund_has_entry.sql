-- A refund of the service was recorded and never paid out.
insert into planted.refund (charge_id, account_id, amount) values ('service-1', 'ann', 5);
