-- title: A statement of account is drawn while miles move
-- class: check_then_act
-- construct: read skew, immutable and stable callees, multiple assignment
-- anomaly: read skew
-- orders: few
--
-- Nothing is lost. The sum that is shown was never there.

-- @schema
create schema "Vielflieger";
create table "Vielflieger".konto (nr integer primary key, meilen integer not null check (meilen >= 0));
create function "Vielflieger".stand(p_nr integer) returns integer language sql stable
as 'select meilen from "Vielflieger".konto where nr = p_nr';
create function "Vielflieger".umbuchen(p_von integer, p_nach integer, p_meilen integer) returns void
language sql
as $$
    update "Vielflieger".konto
    set meilen = meilen + case nr when p_von then -p_meilen else p_meilen end
    where nr in (p_von, p_nach);
$$;

-- @racy
create function "Vielflieger".auszug(p_eins integer, p_zwei integer, out summe integer) language plpgsql as $$
declare
    v_zwei integer;
begin
    summe := "Vielflieger".stand(p_eins);
    v_zwei := "Vielflieger".stand(p_zwei);
    summe := summe + v_zwei;
end $$;

-- @safe
create function "Vielflieger".auszug(p_eins integer, p_zwei integer, out summe integer) language plpgsql as $$
begin
    select "Vielflieger".stand(p_eins) + "Vielflieger".stand(p_zwei) into summe;
end $$;

-- @alone
select "Vielflieger".auszug(1, 3);
select "Vielflieger".umbuchen(1, 2, 101);

-- @race
-- @setup
insert into "Vielflieger".konto values (1, 100), (2, 100);
-- @session schalter
-- @call auszug
select "Vielflieger".auszug(1, 2);
-- @session netz
-- @call umbuchen
select "Vielflieger".umbuchen(1, 2, 40);
