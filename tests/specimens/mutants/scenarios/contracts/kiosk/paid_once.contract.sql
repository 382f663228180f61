-- title: A sale is paid once
--
-- What the kiosk promises.

-- @values card uuid, key uuid, other uuid, nobody uuid

-- @setup
insert into kiosk.card (id, balance) values (:card, 50), (:nobody, 10);

-- @call pay
-- @expect ok pay=20
select kiosk.pay(:card, 30, :key);

-- @call pay
-- @expect ok pay=20
select kiosk.pay(:card, 30, :key);

-- @call pay
-- @expect refused P0001 INSUFFICIENT: 20
select kiosk.pay(:card, 30, :other);

-- @call pay
-- @expect refused P0001 INVALID: 0
select kiosk.pay(:card, 0, :other);

-- @call pay
-- @expect refused P0001 INVALID: <NULL>
select kiosk.pay(:card, null, :other);

-- @call pay
-- @expect refused P0001 UNKNOWN*
select kiosk.pay(:other, 1, :other);

-- @check The other card was left alone
select balance = 10 from kiosk.card where id = :nobody;

-- @call top_up
-- @expect ok top_up=25
select kiosk.top_up(:card, 5);

-- @call count_seen
-- @expect ok count_seen=3
select kiosk.count_seen(:card, point(0, 0));

-- @check Nothing else was paid or seen
select balance = 10 and seen = 0 from kiosk.card where id = :nobody;
