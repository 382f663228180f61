-- title: One coupon is cashed by two tabs of one shopper
-- class: status_acted_on_twice
-- construct: case statement, update returning
-- anomaly: double apply
-- orders: few

-- @schema
create schema coupons;
create type coupons.state as enum ('fresh', 'cashed', 'void');
create table coupons.coupon (code text primary key, cents bigint not null, state coupons.state not null default 'fresh');
create table coupons.purse (shopper uuid primary key, cents bigint not null);

-- @racy
create function coupons.cash(shopper_id uuid, coupon_code text, out answer text)
language plpgsql
as $$
declare c record;
begin
    select * into c from coupons.coupon where code = coupon_code;
    case c.state
        when 'fresh' then
            update coupons.coupon set state = 'cashed' where code = coupon_code;
            update coupons.purse set cents = cents + c.cents where shopper = shopper_id;
            answer := 'thanks';
        when 'cashed' then
            answer := 'already cashed';
        else
            answer := 'no such coupon';
    end case;
end
$$;

-- @safe
create function coupons.cash(shopper_id uuid, coupon_code text, out answer text)
language plpgsql
as $$
declare c record;
begin
    update coupons.coupon set state = 'cashed' where code = coupon_code and state = 'fresh' returning * into c;
    case
        when found then
            update coupons.purse set cents = cents + c.cents where shopper = shopper_id;
            answer := 'thanks';
        when exists (select from coupons.coupon where code = coupon_code and state = 'cashed') then
            answer := 'already cashed';
        else
            answer := 'no such coupon';
    end case;
end
$$;

-- @alone
select coupons.cash(:shopper, 'NONE');
update coupons.coupon set state = 'void';
select coupons.cash(:shopper, 'TEN');

-- @race
-- @values shopper uuid
-- @setup
insert into coupons.coupon (code, cents) values ('TEN', 1000);
insert into coupons.purse values (:shopper, 0);
-- @session tab_1
-- @call cash
select coupons.cash(:shopper, 'TEN');
-- @session tab_2
-- @call cash
select coupons.cash(:shopper, 'TEN');
