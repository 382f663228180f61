-- title: A total is drawn by a DO block while money moves
-- class: check_then_act
-- construct: execute of a do block
-- anomaly: not serializable
-- orders: few
--
-- The sum is taken in two looks, with a transfer in between.

-- @schema
create schema bank;
create table bank.pot (id integer primary key, n integer not null);
create table bank.note (one integer, two integer);
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
    execute $do$ do $block$
        declare v integer;
        begin
            select n into v from bank.pot where id = 1;
            insert into bank.note select v, n from bank.pot where id = 2;
        end $block$ $do$;
    select one, two into v_one, v_two from bank.note;
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
