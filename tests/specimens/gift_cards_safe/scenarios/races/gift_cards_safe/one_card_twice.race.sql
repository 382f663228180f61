-- title:   A card is redeemed twice at once, and holds enough for one
-- detects: check_then_act, lost_update
-- expect:  exactly 1 ok in redeem
-- @values card uuid
-- @setup
insert into gift.card (id, balance) values (:card, 50);
-- @session first
-- @call redeem
select gift.redeem(:card, 30);
-- @session second
-- @call redeem
select gift.redeem(:card, 30);
