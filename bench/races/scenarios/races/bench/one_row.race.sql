-- title:  Two sessions lock one row
--
-- One of them always waits for the other's lock.
-- @setup
insert into bench.account (id, balance) values (1, 100), (2, 100), (3, 100);
-- @session s1
begin;
select balance from bench.account where id = 2;
update bench.account set balance = balance - 30 where id = 1;
select balance from bench.account where id = 1;
commit;
-- @session s2
begin;
select balance from bench.account where id = 3;
update bench.account set balance = balance - 50 where id = 1;
select balance from bench.account where id = 1;
commit;
