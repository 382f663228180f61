-- title: Two clerks take bottles through a view
-- class: read_modify_write
-- construct: instead of trigger, view
-- anomaly: lost update
-- orders: few

-- @schema
create schema cellar;
create table cellar.rack (bin integer primary key, bottles integer not null);
create view cellar.stock as select bin, bottles, bottles = 0 as empty from cellar.rack;

-- @racy
create function cellar.take() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.bottles < 0 then
        raise check_violation;
    end if;
    update cellar.rack set bottles = new.bottles where bin = old.bin;
    return new;
end $$;
create trigger take instead of update on cellar.stock for each row execute function cellar.take();

-- @safe
create function cellar.take() returns trigger language plpgsql as $$
begin
    update cellar.rack set bottles = bottles + new.bottles - old.bottles where bin = old.bin
    returning bottles into new.bottles;
    if new.bottles < 0 then
        raise check_violation;
    end if;
    return new;
end $$;
create trigger take instead of update on cellar.stock for each row execute function cellar.take();

-- @alone
update cellar.stock set bottles = -1;

-- @race
-- @setup
insert into cellar.rack values (12, 30);
-- @session bar
update cellar.stock set bottles = bottles - 6 where bin = 12;
-- @session kitchen
update cellar.stock set bottles = bottles - 3 where bin = 12;
