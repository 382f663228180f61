-- title: Two vouchers extend one subscription
-- class: read_modify_write
-- construct: labelled loops, continue, integer for, dates
-- anomaly: lost update
-- orders: few

-- @schema
create schema abo;
create table abo.abo (id integer primary key, bis date not null);
create table abo.ruhetag (tag date primary key);

-- @racy
create function abo.verlängern(p_id integer, p_tage integer) returns date language plpgsql as $$
<<funktion>>
declare
    bis date := (select a.bis from abo.abo as a where a.id = p_id);
begin
    <<tage>>
    for i in 1..p_tage loop
        <<suche>>
        loop
            funktion.bis := funktion.bis + 1;
            continue suche when extract(dow from funktion.bis) = 0;
            exit suche;
        end loop suche;
        exit tage when i >= 30;
    end loop tage;
    update abo.abo set bis = funktion.bis where id = p_id;
    return funktion.bis;
end $$;

-- @safe
create function abo.verlängern(p_id integer, p_tage integer) returns date language plpgsql as $$
<<funktion>>
declare
    bis date;
begin
    select a.bis into funktion.bis from abo.abo as a where a.id = p_id for no key update;
    <<tage>>
    for i in 1..p_tage loop
        <<suche>>
        loop
            funktion.bis := funktion.bis + 1;
            continue suche when extract(dow from funktion.bis) = 0;
            exit suche;
        end loop suche;
        exit tage when i >= 30;
    end loop tage;
    update abo.abo set bis = funktion.bis where id = p_id;
    return funktion.bis;
end $$;

-- @alone
select abo.verlängern(2, 3);
select abo.verlängern(1, 31);

-- @race
-- @setup
insert into abo.abo values (1, '2031-03-01');
-- @session karte
-- @call extend
select abo.verlängern(1, 3);
-- @session app
-- @call extend
select abo.verlängern(1, 2);
