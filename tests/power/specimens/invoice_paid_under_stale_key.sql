-- title: A payment arrives twice under one key
-- class: check_before_lock
-- construct: nested call, return in a branch
-- anomaly: double apply
-- orders: few
--
-- Whether the key is known is asked before the account is locked, and never again.

-- @schema
create schema dues;
create table dues.account (id uuid primary key, paid numeric(12, 2) not null);
create table dues.payment (key text not null, account uuid not null, amount numeric(12, 2) not null);
create function dues.already(p_key text) returns numeric language plpgsql as $$
begin
    return (select amount from dues.payment where key = p_key);
end $$;

-- @racy
create function dues.pay(p_account uuid, p_amount numeric, p_key text) returns numeric language plpgsql as $$
declare
    v_before numeric := dues.already(p_key);
begin
    if v_before is not null then
        return v_before;
    end if;
    perform from dues.account where id = p_account for update;
    insert into dues.payment values (p_key, p_account, p_amount);
    update dues.account set paid = paid + p_amount where id = p_account;
    return p_amount;
end $$;

-- @safe
create function dues.pay(p_account uuid, p_amount numeric, p_key text) returns numeric language plpgsql as $$
declare
    v_before numeric;
begin
    perform from dues.account where id = p_account for update;
    v_before := dues.already(p_key);
    if v_before is not null then
        return v_before;
    end if;
    insert into dues.payment values (p_key, p_account, p_amount);
    update dues.account set paid = paid + p_amount where id = p_account;
    return p_amount;
end $$;

-- @alone
select dues.pay(:account, 1, null);

-- @race
-- @values account uuid, key text
-- @setup
insert into dues.account values (:account, 0);
-- @session webhook
-- @call pay
select dues.pay(:account, 12.5, :key);
-- @session redirect
-- @call pay
select dues.pay(:account, 12.5, :key);
