-- title: Entries are chained by the time at which their transactions began
-- class: stale_balance_in_entry
-- construct: now() as an order, order by limit, two calls of one session
-- anomaly: not serializable
--
-- Whoever waited for the lock began earlier and comes later: the newest entry isn't the last one.

-- @schema
create schema diary;
create table diary.account (id integer primary key);
create table diary.entry (
    no integer generated always as identity, account integer not null, at timestamptz not null default now(),
    amount integer not null, balance integer not null
);

-- @racy
create function diary.post(p_account integer, p_amount integer) returns integer language plpgsql as $$
declare
    v_balance integer;
begin
    perform from diary.account where id = p_account for no key update;
    select balance into v_balance from diary.entry where account = p_account order by at desc limit 1;
    insert into diary.entry (account, amount, balance)
    values (p_account, p_amount, coalesce(v_balance, 0) + p_amount);
    return coalesce(v_balance, 0) + p_amount;
end $$;

-- @safe
create function diary.post(p_account integer, p_amount integer) returns integer language plpgsql as $$
declare
    v_balance integer;
begin
    perform from diary.account where id = p_account for no key update;
    select balance into v_balance from diary.entry where account = p_account order by no desc limit 1;
    insert into diary.entry (account, amount, balance)
    values (p_account, p_amount, coalesce(v_balance, 0) + p_amount);
    return coalesce(v_balance, 0) + p_amount;
end $$;

-- @race
-- @setup
insert into diary.account values (1);
-- @session ann
-- @call post
select diary.post(1, 10);
-- @call post
select diary.post(1, 5);
-- @session ben
-- @call post
select diary.post(1, 100);
