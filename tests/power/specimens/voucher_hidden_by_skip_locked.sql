-- title: Two drinks are paid from one voucher
-- class: skip_locked_spend
-- construct: for update skip locked, for loop over a query
-- anomaly: false refusal
-- refused: P0001 NO_VOUCHER*
-- orders: few
--
-- The voucher has enough for both. Whoever comes while it is busy is told that there is none.

-- @schema
create schema bar;
create table bar.voucher (id integer primary key, guest uuid not null, amount money not null);

-- @racy
create function bar.pay(p_guest uuid, p_price money) returns integer
language plpgsql
as $$
declare
    v record;
begin
    for v in
        select id, amount from bar.voucher where guest = p_guest and amount >= p_price
        order by id for update skip locked
    loop
        update bar.voucher set amount = amount - p_price where id = v.id;
        return v.id;
    end loop;
    raise exception 'NO_VOUCHER';
end
$$;

-- @safe
create function bar.pay(p_guest uuid, p_price money) returns integer
language plpgsql
as $$
declare
    v record;
begin
    for v in
        select id, amount from bar.voucher where guest = p_guest and amount >= p_price
        order by id for update
    loop
        update bar.voucher set amount = amount - p_price where id = v.id;
        return v.id;
    end loop;
    raise exception 'NO_VOUCHER';
end
$$;

-- @alone
select bar.pay(:guest, '$99');

-- @race
-- @values guest uuid
-- @setup
insert into bar.voucher values (1, :guest, '$20');
-- @session beer
-- @call pay
select bar.pay(:guest, '$5');
-- @session wine
-- @call pay
select bar.pay(:guest, '$8');
