-- title: A total is drawn while money moves
-- class: check_then_act
-- construct: identifier with a capital letter beyond ascii, stable callee
-- anomaly: read skew
-- orders: few
--
-- The sum is taken in two looks, with a transfer in between.

-- @schema
create schema bank;
create table bank.pot (id integer primary key, n integer not null);
create function bank.Übrig(p integer) returns integer language sql stable as 'select n from bank.pot where id = p';
create function bank.move(p_n integer) returns void language plpgsql as $$
begin
    update bank.pot set n = n - p_n where id = 1;
    update bank.pot set n = n + p_n where id = 2;
end $$;

-- @racy
create function bank.total() returns integer language plpgsql as $$
declare
    v_one integer;
    v_two integer;
begin
    select n into v_one from bank.pot where id = 1;
    v_two := bank.Übrig(2);
    return v_one + v_two;
end $$;

-- @safe
create function bank.total() returns integer language plpgsql as $$
begin
    return (select sum(n) from bank.pot);
end $$;

-- @race
-- @setup
insert into bank.pot values (1, 100), (2, 100);
-- @session report
-- @call total
select bank.total();
-- @session transfer
-- @call move
select bank.move(30);
