-- title: Two pledges are made from one pot
-- class: check_then_act
-- construct: deferred constraint trigger
-- anomaly: phantom
-- refused: 23514 *
-- orders: few
--
-- The check runs inside COMMIT, and neither COMMIT sees what the other is about to show.

-- @schema
create schema pot;
create table pot.pot (id uuid primary key, size integer not null);
create table pot.pledge (pot uuid not null references pot.pot, amount integer not null);

-- @racy
create function pot.enough() returns trigger language plpgsql as $$
declare
    v_left integer;
begin
    select p.size - sum(g.amount) into v_left from pot.pot as p join pot.pledge as g on g.pot = p.id
    where p.id = new.pot group by p.size;
    if v_left < 0 then
        raise check_violation using message = 'the pot is empty';
    end if;
    return null;
end $$;
create constraint trigger enough after insert or update on pot.pledge deferrable initially deferred
for each row execute function pot.enough();

-- @safe
create function pot.enough() returns trigger language plpgsql as $$
declare
    v_left integer;
begin
    select size into v_left from pot.pot where id = new.pot for no key update;
    v_left := v_left - (select sum(amount) from pot.pledge where pot = new.pot);
    if v_left < 0 then
        raise check_violation using message = 'the pot is empty';
    end if;
    return null;
end $$;
create constraint trigger enough after insert or update on pot.pledge deferrable initially deferred
for each row execute function pot.enough();

-- @alone
insert into pot.pledge values (:pot, 1000);

-- @race
-- @values pot uuid
-- @setup
insert into pot.pot values (:pot, 100);
-- @session ann
-- @call pledge
insert into pot.pledge values (:pot, 60);
-- @session ben
-- @call pledge
insert into pot.pledge values (:pot, 70);
