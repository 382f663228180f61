-- title:  Three redemptions of one card
-- detects: lost update
-- @values card uuid
-- @setup
select gift.open(:card, 100);
-- @session first
-- @call redeem
select gift.redeem(:card, 30);
-- @session second
-- @call redeem
select gift.redeem(:card, 30);
-- @session third
-- @call redeem
select gift.redeem(:card, 30);
