-- Lead marketplace: workspaces buy leads with credits or by card, and each lead is sold once.
--
-- The tables say what is true, the functions in functions/ are the only writers of it. What a
-- constraint can state is stated here, so that a mistake in a function is an error, never a wrong row.
--
-- Credits are numeric(12, 2). The type rounds, so functions check an amount before they store it
-- (is_credit_amount). "between 0.01 and 9999999999.99" also keeps out NaN, which passes "> 0".

create schema lead_marketplace authorization lead_marketplace_owner;

create table lead_marketplace.workspaces (
    id uuid primary key default gen_random_uuid(),
    created_at timestamptz not null default now()
);

create table lead_marketplace.leads (
    id uuid primary key default gen_random_uuid(),
    partner_id uuid,
    marketplace_status text not null default 'draft',
    is_marketplace_listed boolean not null default false,
    marketplace_price numeric(12, 2),
    intent_score_calculated integer,
    freshness_score integer,
    sold_count integer not null default 0,
    sold_at timestamptz,
    created_at timestamptz not null default now(),
    -- What "can be bought" means, in one place.
    for_sale boolean not null generated always as (
        marketplace_status = 'available' and is_marketplace_listed and marketplace_price is not null
    ) stored,
    constraint lead_status_known check (marketplace_status in ('draft', 'available', 'sold')),
    constraint lead_price_valid check (marketplace_price between 0.01 and 9999999999.99),
    constraint lead_sold_once check (sold_count in (0, 1)),
    constraint lead_sold_status check ((marketplace_status = 'sold') = (sold_count > 0)),
    constraint lead_sold_time check ((sold_at is not null) = (sold_count > 0))
);

-- The balance is a cache of the workspace's credit_entries. The row is created on first use.
create table lead_marketplace.workspace_credits (
    workspace_id uuid primary key references lead_marketplace.workspaces (id),
    balance numeric(12, 2) not null default 0,
    updated_at timestamptz not null default now(),
    constraint balance_not_negative check (balance between 0 and 9999999999.99)
);

-- pending -> completed | failed | refund_due, failed -> refund_due, completed -> refunded, refund_due -> refunded.
-- A pending purchase claims nothing: any number of buyers may hold one for the same lead.
create table lead_marketplace.marketplace_purchases (
    id uuid primary key default gen_random_uuid(),
    buyer_workspace_id uuid not null references lead_marketplace.workspaces (id),
    payment_method text not null,
    status text not null default 'pending',
    request_key uuid,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null default now() + interval '24 hours',
    completed_at timestamptz,
    refunded_at timestamptz,
    download_url text,
    download_expires_at timestamptz,
    stripe_refund_id text,
    constraint purchase_request_key_once unique (request_key),
    constraint purchase_buyer unique (id, buyer_workspace_id),
    constraint purchase_refund_once unique (stripe_refund_id),
    constraint purchase_method_known check (payment_method in ('credits', 'card')),
    constraint purchase_status_known check (
        status in ('pending', 'completed', 'failed', 'refund_due', 'refunded')
    ),
    constraint purchase_completed_time check (
        case status
            when 'completed' then completed_at is not null
            when 'refunded' then true
            else completed_at is null
        end
    ),
    constraint purchase_refunded_time check ((status = 'refunded') = (refunded_at is not null)),
    constraint purchase_refund_due_by_card check (status <> 'refund_due' or payment_method = 'card'),
    constraint purchase_refund_evidence check (
        (status = 'refunded' and payment_method = 'card') = (stripe_refund_id is not null)
    )
);

create index marketplace_purchases_of_buyer on lead_marketplace.marketplace_purchases (buyer_workspace_id);
create index marketplace_purchases_pending on lead_marketplace.marketplace_purchases (expires_at)
where status = 'pending';

-- The price is the one the buyer agreed to. A purchase costs the sum of its items' prices.
create table lead_marketplace.marketplace_purchase_items (
    purchase_id uuid not null references lead_marketplace.marketplace_purchases (id),
    lead_id uuid not null references lead_marketplace.leads (id),
    price numeric(12, 2) not null,
    sold boolean not null default false,
    primary key (purchase_id, lead_id),
    constraint item_price_valid check (price between 0.01 and 9999999999.99)
);

create index marketplace_purchase_items_of_lead on lead_marketplace.marketplace_purchase_items (lead_id);

-- At most one sale of a lead, whatever the functions do. A refund leaves it sold.
create unique index lead_sold_by_one_purchase on lead_marketplace.marketplace_purchase_items (lead_id)
where sold;

-- Credits bought with a card. A checkout that is never paid stays pending; it holds nothing.
create table lead_marketplace.credit_purchases (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null references lead_marketplace.workspaces (id),
    credits numeric(12, 2) not null,
    status text not null default 'pending',
    request_key uuid,
    created_at timestamptz not null default now(),
    completed_at timestamptz,
    constraint credit_purchase_request_key_once unique (request_key),
    constraint credit_purchase_buyer unique (id, workspace_id),
    constraint credit_purchase_amount_valid check (credits between 0.01 and 9999999999.99),
    constraint credit_purchase_status_known check (status in ('pending', 'completed')),
    constraint credit_purchase_completed_time check ((status = 'completed') = (completed_at is not null))
);

-- Credits given: a plan's allowance, a bonus, a correction in the workspace's favour.
create table lead_marketplace.credit_grants (
    id uuid primary key default gen_random_uuid(),
    workspace_id uuid not null references lead_marketplace.workspaces (id),
    amount numeric(12, 2) not null,
    reason text not null,
    request_key uuid,
    created_at timestamptz not null default now(),
    constraint grant_request_key_once unique (request_key),
    constraint grant_receiver unique (id, workspace_id),
    constraint grant_amount_valid check (amount between 0.01 and 9999999999.99),
    constraint grant_reason_given check (btrim(reason) <> '')
);

-- The ledger. Every movement of credit is one entry, for exactly one purchase, top-up or grant of the
-- same workspace. entry_no is drawn while the account's row is locked, so it orders an account's entries;
-- created_at is the start of the transaction and doesn't.
create table lead_marketplace.credit_entries (
    entry_no bigint generated always as identity primary key,
    workspace_id uuid not null references lead_marketplace.workspace_credits (workspace_id),
    amount numeric(12, 2) not null,
    balance_before numeric(12, 2) not null,
    balance_after numeric(12, 2) not null,
    kind text not null,
    purchase_id uuid,
    credit_purchase_id uuid,
    grant_id uuid,
    -- One movement of a kind per document: what makes a second charge, refund or top-up impossible.
    request_key text not null generated always as (
        kind || ':' || coalesce(purchase_id, credit_purchase_id, grant_id)::text
    ) stored,
    created_at timestamptz not null default now(),
    constraint entry_request_key_once unique (request_key),
    constraint entry_of_buyer foreign key (purchase_id, workspace_id)
    references lead_marketplace.marketplace_purchases (id, buyer_workspace_id),
    constraint entry_of_credit_purchase foreign key (credit_purchase_id, workspace_id)
    references lead_marketplace.credit_purchases (id, workspace_id),
    constraint entry_of_grant foreign key (grant_id, workspace_id)
    references lead_marketplace.credit_grants (id, workspace_id),
    constraint entry_document check (
        num_nonnulls(purchase_id, credit_purchase_id, grant_id) = 1
        and case kind
            when 'purchase' then purchase_id is not null and amount < 0
            when 'refund' then purchase_id is not null and amount > 0
            when 'top_up' then credit_purchase_id is not null and amount > 0
            when 'grant' then grant_id is not null and amount > 0
            else false
        end
    ),
    constraint entry_adds_up check (balance_after = balance_before + amount),
    constraint entry_balances_valid check (
        balance_before between 0 and 9999999999.99 and balance_after between 0 and 9999999999.99
    )
);

create index credit_entries_of_workspace on lead_marketplace.credit_entries (workspace_id, entry_no);

-- The ledger only grows. No role is granted more; this also stops the tables' owner.
create function lead_marketplace.refuse_ledger_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    raise exception 'credit_entries is append-only' using errcode = 'restrict_violation';
end;
$$;

create trigger credit_entries_append_only
before update or delete or truncate on lead_marketplace.credit_entries
for each statement execute function lead_marketplace.refuse_ledger_change();

-- The functions run as the owner of the tables, to whom row level security doesn't apply.
alter table lead_marketplace.workspaces owner to lead_marketplace_owner;
alter table lead_marketplace.leads owner to lead_marketplace_owner;
alter table lead_marketplace.workspace_credits owner to lead_marketplace_owner;
alter table lead_marketplace.marketplace_purchases owner to lead_marketplace_owner;
alter table lead_marketplace.marketplace_purchase_items owner to lead_marketplace_owner;
alter table lead_marketplace.credit_purchases owner to lead_marketplace_owner;
alter table lead_marketplace.credit_grants owner to lead_marketplace_owner;
alter table lead_marketplace.credit_entries owner to lead_marketplace_owner;
alter function lead_marketplace.refuse_ledger_change() owner to lead_marketplace_owner;

-- Some platforms grant everything in a new schema to their API roles by default.
revoke all on schema lead_marketplace from public, anon, authenticated, service_role;
revoke all on all tables in schema lead_marketplace from public, anon, authenticated, service_role;
revoke all on all sequences in schema lead_marketplace from public, anon, authenticated, service_role;
revoke all on function lead_marketplace.refuse_ledger_change() from public, anon, authenticated, service_role;

alter table lead_marketplace.workspaces enable row level security;
alter table lead_marketplace.leads enable row level security;
alter table lead_marketplace.workspace_credits enable row level security;
alter table lead_marketplace.marketplace_purchases enable row level security;
alter table lead_marketplace.marketplace_purchase_items enable row level security;
alter table lead_marketplace.credit_purchases enable row level security;
alter table lead_marketplace.credit_grants enable row level security;
alter table lead_marketplace.credit_entries enable row level security;

-- The backend reads everything and writes through the functions alone.
grant usage on schema lead_marketplace to service_role, authenticated;
grant select on all tables in schema lead_marketplace to service_role;

create policy backend_reads on lead_marketplace.workspaces for select to service_role using (true);
create policy backend_reads on lead_marketplace.leads for select to service_role using (true);
create policy backend_reads on lead_marketplace.workspace_credits for select to service_role using (true);
create policy backend_reads on lead_marketplace.marketplace_purchases for select to service_role using (true);
create policy backend_reads on lead_marketplace.marketplace_purchase_items for select to service_role using (true);
create policy backend_reads on lead_marketplace.credit_purchases for select to service_role using (true);
create policy backend_reads on lead_marketplace.credit_grants for select to service_role using (true);
create policy backend_reads on lead_marketplace.credit_entries for select to service_role using (true);

-- A member of a workspace reads what is the workspace's own, and writes nothing. The workspace is the
-- "workspace_id" claim of the verified token, as PostgREST passes it on.
grant select on lead_marketplace.workspace_credits, lead_marketplace.marketplace_purchases,
lead_marketplace.marketplace_purchase_items, lead_marketplace.credit_entries to authenticated;

create policy member_reads_own on lead_marketplace.workspace_credits for select to authenticated
using (
    workspace_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'workspace_id')::uuid)
);

create policy member_reads_own on lead_marketplace.marketplace_purchases for select to authenticated
using (
    buyer_workspace_id
    = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'workspace_id')::uuid)
);

-- The purchases that a member can read are the workspace's own, by the policy above.
create policy member_reads_own on lead_marketplace.marketplace_purchase_items for select to authenticated
using (purchase_id in (select purchase.id from lead_marketplace.marketplace_purchases as purchase));

create policy member_reads_own on lead_marketplace.credit_entries for select to authenticated
using (
    workspace_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'workspace_id')::uuid)
);
