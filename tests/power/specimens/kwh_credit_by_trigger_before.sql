-- title: Two meters report into one account
-- class: read_modify_write
-- construct: trigger before, assignment to new
-- anomaly: lost update

-- @schema
create schema energy;
create table energy.account (no integer primary key, kwh numeric not null);
create table energy.reading (account integer not null, kwh numeric not null, kwh_after numeric);

-- @racy
create function energy.book() returns trigger language plpgsql as $$
begin
    new.kwh_after := (select kwh from energy.account where no = new.account) + new.kwh;
    update energy.account set kwh = new.kwh_after where no = new.account;
    return new;
end $$;
create trigger book before insert on energy.reading for each row when (new.kwh <> 0) execute procedure energy.book();

-- @safe
create function energy.book() returns trigger language plpgsql as $$
begin
    update energy.account set kwh = kwh + new.kwh where no = new.account returning kwh into new.kwh_after;
    return new;
end $$;
create trigger book before insert on energy.reading for each row when (new.kwh <> 0) execute procedure energy.book();

-- @alone
insert into energy.reading values (1, 0), (1, 3), (2, 4);

-- @race
-- @setup
insert into energy.account values (1, 100);
-- @session roof
insert into energy.reading values (1, 5.5), (1, 2) returning kwh_after;
-- @session wall
insert into energy.reading values (1, -30) returning kwh_after;
