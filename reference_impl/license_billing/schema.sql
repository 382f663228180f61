-- License billing: a license holds credits, text is generated on it, and each generation is charged once.
--
-- The tables say what is true, the functions in functions/ are the only writers of it. What a
-- constraint can state is stated here, so that a mistake in a function is an error, never a wrong row.
--
-- Credits are whole numbers: a generation costs its count of tokens.

create schema license_billing authorization license_billing_owner;

-- The license key is a credential of the caller, so nothing else stores it: rows refer to the id.
-- credits_remaining is a cache of the license's credit_entries, credits_total of the credits ever added.
create table license_billing.licenses (
    id uuid primary key default gen_random_uuid(),
    license_key text not null,
    tenant_id uuid not null,
    is_active boolean not null default true,
    expires_at timestamptz,
    credits_remaining integer not null default 0,
    credits_total bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint license_key_once unique (license_key),
    constraint license_key_given check (btrim(license_key) <> ''),
    constraint credits_not_negative check (credits_remaining >= 0),
    constraint credits_within_total check (credits_remaining <= credits_total)
);

create index licenses_of_tenant on license_billing.licenses (tenant_id);

-- What a request id stands for: one generation to be charged (amount below zero) or one top-up (above).
-- The rows never change. Inserting one claims its id.
create table license_billing.credit_requests (
    request_id uuid primary key default gen_random_uuid(),
    license_id uuid not null references license_billing.licenses (id),
    kind text not null,
    amount integer not null,
    created_at timestamptz not null default now(),
    -- What an entry has to agree with.
    constraint request_terms unique (request_id, license_id, kind, amount),
    constraint request_amount_valid check (
        case kind
            when 'usage' then amount < 0
            when 'top_up' then amount > 0
            else false
        end
    )
);

create index credit_requests_of_license on license_billing.credit_requests (license_id);

-- The ledger. Every movement of credit is one entry, for exactly one request, of its license and amount.
-- entry_no is drawn while the license's row is locked, so it orders a license's entries; created_at is the
-- start of the transaction and doesn't.
create table license_billing.credit_entries (
    entry_no bigint generated always as identity primary key,
    license_id uuid not null references license_billing.licenses (id),
    request_id uuid not null,
    kind text not null,
    amount integer not null,
    balance_before integer not null,
    balance_after integer not null,
    created_at timestamptz not null default now(),
    -- What makes a second charge of a generation, or a second credit of a top-up, impossible.
    constraint entry_request_once unique (request_id),
    constraint entry_request_number unique (request_id, entry_no),
    constraint entry_of_request foreign key (request_id, license_id, kind, amount)
    references license_billing.credit_requests (request_id, license_id, kind, amount),
    constraint entry_adds_up check (balance_after::bigint = balance_before::bigint + amount),
    constraint entry_balances_valid check (balance_before >= 0 and balance_after >= 0)
);

create index credit_entries_of_license on license_billing.credit_entries (license_id, entry_no);

-- Generations that were served, or are about to be, while their deduction could not be made. Each is kept
-- until an entry charges it, and stays here afterwards. recorded_no says which one came first.
create table license_billing.unbilled_generations (
    request_id uuid primary key references license_billing.credit_requests (request_id),
    recorded_no bigint generated always as identity,
    generation text,
    recorded_at timestamptz not null default now(),
    settled_at timestamptz,
    entry_no bigint,
    constraint generation_recorded_no_once unique (recorded_no),
    constraint generation_settled_by_entry check ((settled_at is null) = (entry_no is null)),
    -- Only the entry of this very request can settle it.
    constraint generation_entry_is_its_own foreign key (request_id, entry_no)
    references license_billing.credit_entries (request_id, entry_no)
);

create index unbilled_generations_open on license_billing.unbilled_generations (recorded_no)
where settled_at is null;

-- The ledger only grows. No role is granted more; this also stops the tables' owner.
create function license_billing.refuse_ledger_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    raise exception 'credit_entries is append-only' using errcode = 'restrict_violation';
end;
$$;

create trigger credit_entries_append_only
before update or delete or truncate on license_billing.credit_entries
for each statement execute function license_billing.refuse_ledger_change();

-- The functions run as the owner of the tables, to whom row level security doesn't apply.
alter table license_billing.licenses owner to license_billing_owner;
alter table license_billing.credit_requests owner to license_billing_owner;
alter table license_billing.credit_entries owner to license_billing_owner;
alter table license_billing.unbilled_generations owner to license_billing_owner;
alter function license_billing.refuse_ledger_change() owner to license_billing_owner;

-- Some platforms grant everything in a new schema to their API roles by default.
revoke all on schema license_billing from public, anon, authenticated, service_role;
revoke all on all tables in schema license_billing from public, anon, authenticated, service_role;
revoke all on all sequences in schema license_billing from public, anon, authenticated, service_role;
revoke all on function license_billing.refuse_ledger_change() from public, anon, authenticated, service_role;

alter table license_billing.licenses enable row level security;
alter table license_billing.credit_requests enable row level security;
alter table license_billing.credit_entries enable row level security;
alter table license_billing.unbilled_generations enable row level security;

-- The backend reads everything and writes through the functions alone.
grant usage on schema license_billing to service_role, authenticated;
grant select on all tables in schema license_billing to service_role;

create policy backend_reads on license_billing.licenses for select to service_role using (true);
create policy backend_reads on license_billing.credit_requests for select to service_role using (true);
create policy backend_reads on license_billing.credit_entries for select to service_role using (true);
create policy backend_reads on license_billing.unbilled_generations for select to service_role using (true);

-- A member of a tenant reads what is the tenant's own, and writes nothing. The tenant is the "tenant_id"
-- claim of the verified token, as PostgREST passes it on.
grant select on license_billing.licenses, license_billing.credit_requests, license_billing.credit_entries,
license_billing.unbilled_generations to authenticated;

create policy member_reads_own on license_billing.licenses for select to authenticated
using (
    tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'tenant_id')::uuid)
);

-- The licenses that a member can read are the tenant's own, by the policy above; and so on.
create policy member_reads_own on license_billing.credit_requests for select to authenticated
using (license_id in (select license.id from license_billing.licenses as license));

create policy member_reads_own on license_billing.credit_entries for select to authenticated
using (license_id in (select license.id from license_billing.licenses as license));

create policy member_reads_own on license_billing.unbilled_generations for select to authenticated
using (request_id in (select request.request_id from license_billing.credit_requests as request));
