-- title:  Two sessions each lock a row of their own
--
-- Nobody ever waits.
-- @setup
insert into bench.account (id, balance) values (1, 100), (2, 100);
-- @session s1
begin;
select balance from bench.account where id = 2;
update bench.account set balance = balance - 30 where id = 1;
select balance from bench.account where id = 1;
commit;
-- @session s2
begin;
select balance from bench.account where id = 1;
update bench.account set balance = balance - 50 where id = 2;
select balance from bench.account where id = 2;
commit;
