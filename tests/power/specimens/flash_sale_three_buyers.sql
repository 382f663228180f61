-- title: Three buyers, one console
-- class: insert_where_not_exists
-- construct: three sessions, insert select where, row_count
-- anomaly: phantom
-- refused: result.buy = false
-- orders: few

-- @schema
create schema sale;
create table sale.console (serial_no integer primary key);
create table sale.orders (buyer text not null, serial_no integer not null);

-- @racy
create function sale.buy(_no integer, _buyer text) returns boolean language plpgsql as $$
declare
    _rows integer;
begin
    insert into sale.orders (buyer, serial_no) select _buyer, _no
    where (select count(*) from sale.orders as o where o.serial_no = _no) < 1;
    get diagnostics _rows := row_count;
    return _rows = 1;
end $$;

-- @safe
create unique index on sale.orders (serial_no);
create function sale.buy(_no integer, _buyer text) returns boolean language plpgsql as $$
declare
    _rows integer;
begin
    insert into sale.orders (buyer, serial_no) values (_buyer, _no) on conflict (serial_no) do nothing;
    get diagnostics _rows := row_count;
    return _rows = 1;
end $$;

-- @alone
select sale.buy(null, 'x');

-- @race
-- @setup
insert into sale.console values (1);
-- @session ann
-- @call buy
select sale.buy(1, 'ann') as buy;
-- @session ben
-- @call buy
select sale.buy(1, 'ben') as buy;
-- @session cat
-- @call buy
select sale.buy(1, 'cat') as buy;
