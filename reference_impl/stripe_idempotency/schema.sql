-- Stripe idempotency: each operation makes one resource at Stripe, each event from Stripe is processed once,
-- and a wallet moves once per request.
--
-- The tables say what is true, the functions in functions/ are the only writers of it. What a
-- constraint can state is stated here, so that a mistake in a function is an error, never a wrong row.
--
-- Names that travel in HTTP headers, keys and logs (operations, keys, Stripe's ids) are printable ASCII
-- without spaces. Amounts are whole cents. Leases are measured with the clock, not with now(): the start of a
-- transaction that has waited for a lock lies in the past.

create schema stripe_idempotency authorization stripe_idempotency_owner;

create table stripe_idempotency.users (
    id uuid primary key default gen_random_uuid(),
    created_at timestamptz not null default now()
);

-- One row per operation that is to make something at Stripe: its claim, the one Stripe key that every attempt
-- sends, and what came of it. in_progress -> completed | needs_attention, needs_attention -> completed.
--
-- attempt counts the owners of the claim, and is what an owner shows to prove that it still is the last one. Rows
-- that were recorded without a claim have no owner and no fingerprint to compare with.
create table stripe_idempotency.stripe_idempotency_keys (
    id uuid primary key default gen_random_uuid(),
    operation_type text not null,
    operation_id text not null,
    stripe_idempotency_key text not null,
    request_fingerprint text,
    status text not null default 'in_progress',
    stripe_resource_id text,
    attempt integer not null default 0,
    lease_expires_at timestamptz,
    user_id uuid references stripe_idempotency.users (id),
    metadata jsonb not null default '{}',
    last_error text,
    created_at timestamptz not null default clock_timestamp(),
    completed_at timestamptz,
    -- Until when the Stripe key is sent again. Stripe forgets a key after 24 hours, and would then do the
    -- operation a second time.
    expires_at timestamptz not null default clock_timestamp() + interval '23 hours',
    constraint operation_once unique (operation_type, operation_id),
    constraint stripe_key_once unique (stripe_idempotency_key),
    -- Length and letters apart: a pattern that counts, {1,255}, takes PostgreSQL a hundred times as long.
    constraint operation_type_valid check (operation_type ~ '^[!-~]+$' and length(operation_type) <= 64),
    constraint operation_id_valid check (operation_id ~ '^[!-~]+$' and length(operation_id) <= 128),
    constraint stripe_key_valid check (stripe_idempotency_key ~ '^[!-~]+$' and length(stripe_idempotency_key) <= 255),
    constraint stripe_resource_valid check (stripe_resource_id ~ '^[!-~]+$' and length(stripe_resource_id) <= 255),
    constraint claim_metadata_object check (jsonb_typeof(metadata) = 'object'),
    constraint claim_status_known check (status in ('in_progress', 'completed', 'needs_attention')),
    constraint claim_resource_when_completed check ((status = 'completed') = (stripe_resource_id is not null)),
    constraint claim_completed_time check ((status = 'completed') = (completed_at is not null)),
    constraint claim_lease_while_in_progress check ((status = 'in_progress') = (lease_expires_at is not null)),
    -- A lease is an hour at most, so the last one ends before Stripe forgets.
    constraint claim_lease_within_key check (lease_expires_at <= expires_at + interval '1 hour'),
    constraint claim_attention_has_reason check (status <> 'needs_attention' or btrim(last_error) <> ''),
    constraint claim_attempts check (attempt >= 0),
    constraint claim_has_fingerprint check (
        request_fingerprint is not null or (attempt = 0 and status = 'completed')
    )
);

create index stripe_idempotency_keys_of_user on stripe_idempotency.stripe_idempotency_keys (user_id);
create index stripe_idempotency_keys_unfinished on stripe_idempotency.stripe_idempotency_keys (status, created_at)
where status <> 'completed';

-- Requests to our own API: the first one's response answers every repeat.
create table stripe_idempotency.idempotency_keys (
    idempotency_key text primary key,
    user_id uuid references stripe_idempotency.users (id),
    request_fingerprint text not null,
    status text not null default 'in_progress',
    attempt integer not null default 0,
    lease_expires_at timestamptz,
    response_status integer,
    response_body jsonb,
    created_at timestamptz not null default clock_timestamp(),
    completed_at timestamptz,
    constraint api_key_valid check (idempotency_key ~ '^[!-~]+$' and length(idempotency_key) <= 255),
    constraint api_status_known check (status in ('in_progress', 'completed')),
    constraint api_response_when_completed check (
        (status = 'completed') = (response_status is not null)
        and (status = 'completed') = (response_body is not null)
        and (status = 'completed') = (completed_at is not null)
    ),
    constraint api_response_status_valid check (response_status between 100 and 599),
    constraint api_lease_while_in_progress check ((status = 'in_progress') = (lease_expires_at is not null)),
    constraint api_attempts check (attempt >= 0)
);

create index idempotency_keys_of_user on stripe_idempotency.idempotency_keys (user_id);

-- Events that Stripe has delivered. user_id and amount are those of an event that pays into a wallet; such an event
-- is received and processed in one transaction, and never leased.
create table stripe_idempotency.stripe_webhook_events (
    event_id text primary key,
    event_type text not null,
    status text not null default 'received',
    user_id uuid references stripe_idempotency.users (id),
    amount integer,
    effect text,
    attempt integer not null default 0,
    lease_expires_at timestamptz,
    received_at timestamptz not null default now(),
    processed_at timestamptz,
    constraint webhook_payment unique (event_id, user_id, amount),
    constraint webhook_event_valid check (event_id ~ '^[!-~]+$' and length(event_id) <= 255),
    constraint webhook_type_valid check (event_type ~ '^[!-~]+$' and length(event_type) <= 255),
    constraint webhook_effect_valid check (effect ~ '^[!-~]+$' and length(effect) <= 255),
    constraint webhook_status_known check (status in ('received', 'processed')),
    constraint webhook_processed_time check ((status = 'processed') = (processed_at is not null)),
    constraint webhook_effect_when_processed check (status = 'processed' or effect is null),
    constraint webhook_payment_whole check ((user_id is null) = (amount is null) and amount > 0),
    constraint webhook_payment_has_effect check (amount is null or status = 'received' or effect is not null),
    constraint webhook_leased_or_paid check (
        attempt >= 0
        and (amount is null or attempt = 0)
        and (lease_expires_at is not null) = (status = 'received' and amount is null)
    )
);

create index stripe_webhook_events_of_user on stripe_idempotency.stripe_webhook_events (user_id);
create index stripe_webhook_events_unprocessed on stripe_idempotency.stripe_webhook_events (received_at)
where status = 'received';

create table stripe_idempotency.events (
    id uuid primary key default gen_random_uuid(),
    organizer_id uuid not null references stripe_idempotency.users (id),
    title text not null,
    starts_at timestamptz not null,
    idempotency_key text,
    created_at timestamptz not null default now(),
    constraint event_key_once unique (idempotency_key),
    constraint event_key_valid check (idempotency_key ~ '^[!-~]+$' and length(idempotency_key) <= 255),
    constraint event_title_given check (btrim(title) <> ''),
    constraint event_starts_at_a_time check (isfinite(starts_at))
);

create index events_of_organizer on stripe_idempotency.events (organizer_id);

-- The balance is a cache of the user's wallet_transactions. The row is created on first use.
create table stripe_idempotency.wallets (
    user_id uuid primary key references stripe_idempotency.users (id),
    balance integer not null default 0,
    updated_at timestamptz not null default now(),
    constraint balance_not_negative check (balance >= 0)
);

-- The ledger. entry_no is drawn while the wallet's row is locked, so it orders a wallet's entries; created_at is the
-- start of the transaction and doesn't.
create table stripe_idempotency.wallet_transactions (
    entry_no bigint generated always as identity primary key,
    id uuid not null default gen_random_uuid(),
    user_id uuid not null references stripe_idempotency.wallets (user_id),
    amount integer not null,
    balance_before integer not null,
    balance_after integer not null,
    kind text not null,
    reference text not null,
    -- Whose request it was: a caller's, under a key that it chose or under none, or an event's.
    idempotency_key text,
    stripe_event_id text,
    created_at timestamptz not null default now(),
    constraint entry_id_once unique (id),
    constraint entry_key_once unique (idempotency_key),
    constraint entry_event_once unique (stripe_event_id),
    -- A payment goes to the user and has the amount that its event names.
    constraint entry_of_event foreign key (stripe_event_id, user_id, amount)
    references stripe_idempotency.stripe_webhook_events (event_id, user_id, amount),
    constraint entry_key_valid check (idempotency_key ~ '^[!-~]+$' and length(idempotency_key) <= 255),
    constraint entry_reference_given check (btrim(reference) <> ''),
    constraint entry_kind check (
        case kind
            when 'credit' then amount > 0 and stripe_event_id is null
            when 'debit' then amount < 0 and stripe_event_id is null
            when 'payment' then amount > 0 and reference = stripe_event_id and idempotency_key is null
            else false
        end
    ),
    constraint entry_adds_up check (balance_after::bigint = balance_before::bigint + amount),
    constraint entry_balances_valid check (balance_before >= 0 and balance_after >= 0)
);

create index wallet_transactions_of_user on stripe_idempotency.wallet_transactions (user_id, entry_no);

-- The ledger only grows. No role is granted more; this also stops the tables' owner.
create function stripe_idempotency.refuse_ledger_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    raise exception 'wallet_transactions is append-only' using errcode = 'restrict_violation';
end;
$$;

create trigger wallet_transactions_append_only
before update or delete or truncate on stripe_idempotency.wallet_transactions
for each statement execute function stripe_idempotency.refuse_ledger_change();

-- The functions run as the owner of the tables, to whom row level security doesn't apply.
alter table stripe_idempotency.users owner to stripe_idempotency_owner;
alter table stripe_idempotency.stripe_idempotency_keys owner to stripe_idempotency_owner;
alter table stripe_idempotency.idempotency_keys owner to stripe_idempotency_owner;
alter table stripe_idempotency.stripe_webhook_events owner to stripe_idempotency_owner;
alter table stripe_idempotency.events owner to stripe_idempotency_owner;
alter table stripe_idempotency.wallets owner to stripe_idempotency_owner;
alter table stripe_idempotency.wallet_transactions owner to stripe_idempotency_owner;
alter function stripe_idempotency.refuse_ledger_change() owner to stripe_idempotency_owner;

-- Some platforms grant everything in a new schema to their API roles by default.
revoke all on schema stripe_idempotency from public, anon, authenticated, service_role;
revoke all on all tables in schema stripe_idempotency from public, anon, authenticated, service_role;
revoke all on all sequences in schema stripe_idempotency from public, anon, authenticated, service_role;
revoke all on function stripe_idempotency.refuse_ledger_change() from public, anon, authenticated, service_role;

alter table stripe_idempotency.users enable row level security;
alter table stripe_idempotency.stripe_idempotency_keys enable row level security;
alter table stripe_idempotency.idempotency_keys enable row level security;
alter table stripe_idempotency.stripe_webhook_events enable row level security;
alter table stripe_idempotency.events enable row level security;
alter table stripe_idempotency.wallets enable row level security;
alter table stripe_idempotency.wallet_transactions enable row level security;

-- The backend reads everything and writes through the functions alone.
grant usage on schema stripe_idempotency to service_role, authenticated;
grant select on all tables in schema stripe_idempotency to service_role;

create policy backend_reads on stripe_idempotency.users for select to service_role using (true);
create policy backend_reads on stripe_idempotency.stripe_idempotency_keys for select to service_role using (true);
create policy backend_reads on stripe_idempotency.idempotency_keys for select to service_role using (true);
create policy backend_reads on stripe_idempotency.stripe_webhook_events for select to service_role using (true);
create policy backend_reads on stripe_idempotency.events for select to service_role using (true);
create policy backend_reads on stripe_idempotency.wallets for select to service_role using (true);
create policy backend_reads on stripe_idempotency.wallet_transactions for select to service_role using (true);

-- A user reads the user's own wallet, its transactions and events, and writes nothing. The user is the "sub" claim
-- of the verified token, as PostgREST passes it on. Keys, responses and Stripe's events are the backend's.
grant select on stripe_idempotency.wallets, stripe_idempotency.wallet_transactions, stripe_idempotency.events
to authenticated;

create policy user_reads_own on stripe_idempotency.wallets for select to authenticated
using (user_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));

create policy user_reads_own on stripe_idempotency.wallet_transactions for select to authenticated
using (user_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));

create policy user_reads_own on stripe_idempotency.events for select to authenticated
using (organizer_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));
