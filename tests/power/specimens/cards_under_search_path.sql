-- title: One gift card is spent in two shops
-- class: read_modify_write
-- construct: search_path of the session and of the function, language sql without schema names
-- anomaly: lost update
-- orders: few

-- @schema
create schema gift;
set search_path = gift;
create table card (id integer primary key, n integer not null);
create function left_on(p integer) returns integer language sql as 'select n from card where id = p';

-- @racy
create function spend(p integer, p_n integer) returns integer language plpgsql set search_path = gift as $$
declare
    v_left card.n%type;
begin
    v_left := left_on(p);
    update card set n = v_left - p_n where id = p;
    return v_left - p_n;
end $$;

-- @safe
create function spend(p integer, p_n integer) returns integer language plpgsql set search_path = gift as $$
declare
    v_left card.n%type;
begin
    update card set n = n - p_n where id = p;
    v_left := left_on(p);
    return v_left;
end $$;

-- @race
-- @setup
insert into gift.card values (1, 50);
-- @session north
-- @call spend
select gift.spend(1, 3);
-- @session south
-- @call spend
select gift.spend(1, 5);
