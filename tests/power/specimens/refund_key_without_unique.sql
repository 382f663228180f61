-- title: A refund is asked for twice under one key
-- class: unique_missing_on_key
-- construct: select into strict, exception block
-- anomaly: double apply
-- orders: few

-- @schema
create schema refunds;
create table refunds.refund (
    id uuid primary key default gen_random_uuid(), key text not null, cents integer not null,
    made_at timestamptz not null default now()
);

-- @racy
create function refunds.refund_once(_key text, _cents integer) returns uuid language plpgsql as $$
declare
    _id uuid;
begin
    select id into strict _id from refunds.refund where key = _key;
    return _id;
exception
    when no_data_found then
        insert into refunds.refund (key, cents) values (_key, _cents) returning id into strict _id;
        return _id;
end $$;

-- @safe
alter table refunds.refund add unique (key);
create function refunds.refund_once(_key text, _cents integer) returns uuid language plpgsql as $$
declare
    _id uuid;
begin
    select id into strict _id from refunds.refund where key = _key;
    return _id;
exception
    when no_data_found then
        insert into refunds.refund (key, cents) values (_key, _cents) on conflict (key) do nothing
        returning id into _id;
        if not found then
            select id into strict _id from refunds.refund where key = _key;
        end if;
        return _id;
end $$;

-- @alone
select refunds.refund_once(:key, null);
select refunds.refund_once('other', 3);
insert into refunds.refund (key, cents) values ('other', 4);
select refunds.refund_once('other', 3);

-- @race
-- @values key text
-- @setup
-- @session clerk
-- @call refund_once
select refunds.refund_once(:key, 500);
-- @session robot
-- @call refund_once
select refunds.refund_once(:key, 500);
