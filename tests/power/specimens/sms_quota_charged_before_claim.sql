-- title: A text message is sent twice under one key
-- class: effect_before_claim
-- construct: foreach over an array, get diagnostics, on conflict do nothing
-- anomaly: double apply
-- orders: few
--
-- The quota is reduced once for each number before the key is written down.

-- @schema
create schema sms;
create table sms.tenant (id uuid primary key, quota integer not null);
create table sms.sending (key text primary key, numbers text[] not null);
create table sms.outbox (number text, key text);

-- @racy
create function sms.send(p_tenant uuid, p_key text, p_numbers text[]) returns boolean
language plpgsql
as $$
declare
    v_number text;
    v_rows bigint;
begin
    if exists (select from sms.sending where key = p_key) then
        return false;
    end if;
    foreach v_number in array p_numbers loop
        update sms.tenant set quota = quota - 1 where id = p_tenant;
        insert into sms.outbox values (v_number, p_key);
    end loop;
    insert into sms.sending values (p_key, p_numbers) on conflict do nothing;
    get diagnostics v_rows = row_count;
    return v_rows = 1;
end
$$;

-- @safe
create function sms.send(p_tenant uuid, p_key text, p_numbers text[]) returns boolean
language plpgsql
as $$
declare
    v_number text;
    v_rows bigint;
begin
    insert into sms.sending values (p_key, p_numbers) on conflict do nothing;
    get diagnostics v_rows = row_count;
    if v_rows = 0 then
        return false;
    end if;
    foreach v_number in array p_numbers loop
        update sms.tenant set quota = quota - 1 where id = p_tenant;
        insert into sms.outbox values (v_number, p_key);
    end loop;
    return v_rows = 1;
end
$$;

-- @alone
select sms.send(:tenant, 'again', '{}');
select sms.send(:tenant, 'null', null);

-- @race
-- @values tenant uuid
-- @setup
insert into sms.tenant values (:tenant, 10);
-- @session first
-- @call send
select sms.send(:tenant, 'welcome', '{+4912,+4913}');
-- @session retry
-- @call send
select sms.send(:tenant, 'welcome', '{+4912,+4913}');
