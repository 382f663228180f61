-- A service was charged, and the credits never left the account.
insert into planted.charge (charge_id, account_id, amount) values ('service-2', 'ann', 5);
