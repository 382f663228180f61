-- title: A withdrawal reads the balance from a cursor that was opened before the lock
-- class: check_before_lock
-- construct: cursor, snapshot at open, for update nowait
-- anomaly: lost update
-- orders: few
--
-- A cursor shows what was there when it was opened, however late it is fetched from.

-- @schema
create schema exchange;
create table exchange.account (id integer primary key, coins integer not null);
create function exchange.earn(p_id integer, p_coins integer) returns void language plpgsql as $$
begin
    update exchange.account set coins = coins + p_coins where id = p_id;
end $$;

-- @racy
create function exchange.withdraw(p_id integer, p_coins integer) returns integer language plpgsql as $$
declare
    c cursor for select coins from exchange.account where id = p_id;
    v_coins integer;
begin
    open c;
    perform from exchange.account where id = p_id for update nowait;
    fetch c into v_coins;
    update exchange.account set coins = v_coins - p_coins where id = p_id;
    return v_coins - p_coins;
end $$;

-- @safe
create function exchange.withdraw(p_id integer, p_coins integer) returns integer language plpgsql as $$
declare
    c cursor for select coins from exchange.account where id = p_id;
    v_coins integer;
begin
    perform from exchange.account where id = p_id for update nowait;
    open c;
    fetch c into v_coins;
    update exchange.account set coins = v_coins - p_coins where id = p_id;
    return v_coins - p_coins;
end $$;

-- @race
-- @setup
insert into exchange.account values (1, 100);
-- @session miner
-- @call earn
select exchange.earn(1, 30);
-- @session owner
-- @call withdraw
select exchange.withdraw(1, 40);
