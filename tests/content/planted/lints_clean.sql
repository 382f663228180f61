-- A small schema in which every lint holds. Besides the right way it has what only looks wrong: words in
-- comments and strings, a policy on other columns, an inner function that leaves the entry to its caller.
-- The roles anon, authenticated, service_role and planted_owner exist, and none of them can log in.

create schema planted;

create domain planted.request_key as text check (length(value) <= 100);

create table planted.account (
    account_id uuid primary key,
    nickname text,
    balance numeric not null default 0,
    constraint balance_not_negative check (balance >= 0)
);

create table planted.entry (
    entry_no bigint generated always as identity primary key,
    account_id uuid not null references planted.account (account_id),
    amount numeric(12, 2) not null,
    balance_after numeric(12, 2) not null,
    request_key planted.request_key,
    created_at timestamptz not null default now()
);

-- "do update set balance = 0", but only in a comment. The index is the unique one that a key needs.
create unique index entry_request_key_once on planted.entry (account_id, request_key)
where request_key is not null;

create table planted.webhook (
    webhook_id bigint generated always as identity primary key,
    last_event_id_at timestamptz,
    intent_score double precision,
    credit_score double precision,
    price numeric(12, 2)
);

create table planted.audit_log (
    entry_no bigint references planted.entry (entry_no),
    event_id bigint references planted.webhook (webhook_id),
    note text
);

create function planted.set_balance(p_account_id uuid, p_balance numeric)
returns void
language plpgsql
set search_path = ''
as $$
begin
    -- Its only caller writes the entry.
    update planted.account as a
    set balance = p_balance
    where a.account_id = p_account_id;
end;
$$;

create function planted.spend(p_account_id uuid, p_amount numeric, p_request_key text)
returns numeric
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_balance numeric;
begin
    /* Not written: exception when others then return null; raise ... using errcode = '40001'. */
    select account.balance - p_amount
    into strict v_balance
    from planted.account
    where account.account_id = p_account_id
    for no key update;

    if v_balance < 0 then
        raise exception 'Insufficient credits; don''t retry, as errcode = ''40001'' would say';
    end if;

    perform planted.set_balance(p_account_id, v_balance);
    insert into "planted"."entry" (account_id, amount, balance_after, request_key)
    values (p_account_id, -p_amount, v_balance, p_request_key);
    return v_balance;
exception
    when unique_violation then
        raise exception 'Request key was used: %', p_request_key using errcode = 'P0001';
    when lock_not_available or deadlock_detected or serialization_failure then
        raise notice 'busy -- try again';
        raise;
    when others then
        raise exception 'spend failed: %', sqlerrm;
end;
$$;

-- Reads a balance and writes about it, and never changes it.
create function planted.note(p_account_id uuid)
returns text
language plpgsql
set search_path = ''
as $$
declare
    v_note text;
begin
    begin
        v_note := 'update planted.account set balance = ' || p_account_id::text::integer;
    exception
        when others then
            v_note := 'no number';
    end;
    update planted.account
    set nickname = v_note
    where account_id = p_account_id and balance = 0;
    return v_note;
exception
    when others then
        if sqlstate = '42501' then
            return 'not allowed';
        end if;
        raise;
end;
$$;

-- Gives up on a busy account by itself, and says so with the code that means it.
create function planted.try_note(p_account_id uuid)
returns text
language plpgsql
set search_path = ''
as $$
begin
    if not pg_try_advisory_xact_lock(hashtextextended(p_account_id::text, 0)) then
        raise exception 'Account is busy' using errcode = 'lock_not_available';
    end if;
    return planted.note(p_account_id);
end;
$$;

-- Changes the account of the caller and no other, and only members may call it.
create function planted.rename_me(p_nickname text)
returns void
language sql
security definer
set search_path = ''
begin atomic
    update planted.account
    set nickname = p_nickname
    where account_id::text = current_setting('request.jwt.sub', true);
end;

create function planted.refuse_change()
returns trigger
language plpgsql
security definer
set search_path = ''
as $$
begin
    raise exception 'entries are kept as they are';
end;
$$;

create trigger entry_is_append_only
before update or delete or truncate on planted.entry
for each statement execute function planted.refuse_change();

alter table planted.account owner to planted_owner;
alter table planted.entry owner to planted_owner;
alter table planted.webhook owner to planted_owner;
alter table planted.audit_log owner to planted_owner;
alter function planted.set_balance(uuid, numeric) owner to planted_owner;
alter function planted.spend(uuid, numeric, text) owner to planted_owner;
alter function planted.rename_me(text) owner to planted_owner;
alter function planted.refuse_change() owner to planted_owner;

alter table planted.account enable row level security;
alter table planted.entry enable row level security;
alter table planted.webhook enable row level security;
alter table planted.audit_log enable row level security;

grant usage on schema planted to service_role, authenticated, planted_owner;
revoke all on function planted.set_balance(uuid, numeric) from public;
revoke all on function planted.spend(uuid, numeric, text) from public;
revoke all on function planted.rename_me(text) from public;
grant execute on function planted.spend(uuid, numeric, text) to service_role;
grant execute on function planted.rename_me(text) to authenticated;

-- Without the trigger, service_role could rewrite the ledger.
grant select, insert, update on planted.entry to service_role;

grant select (account_id, nickname, balance), update (nickname) on planted.account to authenticated;

create policy backend_does_all on planted.account
using (current_setting('request.jwt.role', true) = 'service_role');

create policy member_reads_own on planted.account for select to authenticated
using (account_id::text = current_setting('request.jwt.sub', true));

create policy member_renames_own on planted.account for update to authenticated
using (account_id::text = current_setting('request.jwt.sub', true));
