-- title: Two tips are paid from one wallet
-- class: stale_balance_in_entry
-- construct: data-modifying cte
-- anomaly: stale read
-- orders: few
--
-- All parts of one statement see the same snapshot. The update goes on from the newest row, the entry
-- doesn't.

-- @schema
create schema tips;
create table tips.wallet (id uuid primary key, cents bigint not null);
create table tips.entry (wallet uuid, cents bigint, cents_after bigint);

-- @racy
create function tips.tip(p_wallet uuid, p_cents bigint) returns bigint language plpgsql as $$
declare
    v_after bigint;
begin
    with changed as (
        update tips.wallet set cents = cents - p_cents where id = p_wallet returning id
    ),
    written as (
        insert into tips.entry (wallet, cents, cents_after)
        select w.id, -p_cents, w.cents - p_cents from tips.wallet as w where w.id = p_wallet
        returning cents_after
    )
    select written.cents_after into v_after from changed, written;
    return v_after;
end $$;

-- @safe
create function tips.tip(p_wallet uuid, p_cents bigint) returns bigint language plpgsql as $$
declare
    v_after bigint;
begin
    with changed as (
        update tips.wallet set cents = cents - p_cents where id = p_wallet returning id, cents
    ),
    written as (
        insert into tips.entry (wallet, cents, cents_after)
        select id, -p_cents, cents from changed
        returning cents_after
    )
    select written.cents_after into v_after from changed, written;
    return v_after;
end $$;

-- @alone
select tips.tip(null, 1);

-- @race
-- @values wallet uuid
-- @setup
insert into tips.wallet values (:wallet, 500);
-- @session ann
-- @call tip
select tips.tip(:wallet, 100);
-- @session ben
-- @call tip
select tips.tip(:wallet, 50);
