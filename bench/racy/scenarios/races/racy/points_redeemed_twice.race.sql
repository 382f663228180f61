-- title: A member's points are redeemed at two tills, and there are enough for one
-- @values member uuid
-- @setup
insert into racy.member (id, points) values (:member, 50);
-- @session till_1
-- @call redeem
select racy.redeem(:member, 30);
-- @session till_2
-- @call redeem
select racy.redeem(:member, 40);
