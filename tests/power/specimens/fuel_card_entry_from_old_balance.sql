-- title: Two pumps charge one fuel card
-- class: stale_balance_in_entry
-- construct: language sql, begin atomic
-- anomaly: stale read
-- orders: few
--
-- The balance is right in the end. The entry says what it would have been without the other.

-- @schema
create schema fuel;
create table fuel.card (id uuid primary key, litres numeric not null);
create table fuel.entry (card uuid not null, litres numeric not null, litres_after numeric not null);

-- @racy
create function fuel.pump(p_card uuid, p_litres numeric) returns numeric
language sql
begin atomic
    insert into fuel.entry (card, litres, litres_after)
    select c.id, -p_litres, c.litres - p_litres from fuel.card as c where c.id = p_card;
    update fuel.card set litres = litres - p_litres where id = p_card;
    select c.litres from fuel.card as c where c.id = p_card;
end;

-- @safe
create function fuel.pump(p_card uuid, p_litres numeric) returns numeric
language sql
begin atomic
    update fuel.card set litres = litres - p_litres where id = p_card;
    insert into fuel.entry (card, litres, litres_after)
    select c.id, -p_litres, c.litres from fuel.card as c where c.id = p_card;
    select c.litres from fuel.card as c where c.id = p_card;
end;

-- @alone
select fuel.pump(null, 1);

-- @race
-- @values card uuid
-- @setup
insert into fuel.card values (:card, 80);
-- @session pump_4
-- @call pump
select fuel.pump(:card, 30.5);
-- @session pump_7
-- @call pump
select fuel.pump(:card, 20);
