-- A service was charged with nothing.
insert into planted.charge (charge_id, account_id, amount) values ('service-2', 'ann', 0);
