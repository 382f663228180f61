-- title: A card with 50 pays 30 twice at once

-- @values card uuid, key uuid, other uuid
-- @setup
insert into kiosk.card (id, balance) values (:card, 50);
-- @session till_1
-- @call pay
select kiosk.pay(:card, 30, :key);
-- @session till_2
-- @call pay
select kiosk.pay(:card, 30, :other);
