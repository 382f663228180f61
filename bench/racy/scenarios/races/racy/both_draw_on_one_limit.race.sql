-- title: Two people draw on two accounts with one limit
-- isolation: repeatable read
-- @values his uuid, hers uuid, couple uuid
-- @setup
insert into racy.account (id, couple, amount) values (:his, :couple, 50), (:hers, :couple, 50);
-- @session he
-- @call draw
select racy.draw(:his, 80);
-- @session she
-- @call draw
select racy.draw(:hers, 70);
