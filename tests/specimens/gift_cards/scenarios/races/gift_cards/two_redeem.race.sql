-- title:  Two redemptions of one card
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
-- @state
select balance from gift.card where id = :card;
