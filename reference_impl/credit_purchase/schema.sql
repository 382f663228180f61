-- Credit purchase: users buy credits through Stripe, and spend them by reserving, settling and giving back.
--
-- The tables say what is true, the functions in functions/ are the only writers of it. What a
-- constraint can state is stated here, so that a mistake in a function is an error, never a wrong row.
--
-- Credits are whole numbers. Sums are compared as bigint, before the integer could overflow.

create schema credit_purchase authorization credit_purchase_owner;

-- The balance is a cache of the user's credit_entries. A profile begins with none.
create table credit_purchase.user_profiles (
    id uuid primary key default gen_random_uuid(),
    credit_balance integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint balance_not_negative check (credit_balance >= 0)
);

-- What was asked for and done: one row per call that was carried out, none for one that was refused.
-- The row is the claim on its key, and on the Stripe session that a purchase was paid in. It doesn't refer
-- to the profile, whose row all movements of a user would share before one of them can change it; the
-- entry does, which is written when the row is locked.
create table credit_purchase.credit_operations (
    idempotency_key uuid constraint operation_key_once primary key,
    user_id uuid not null,
    operation_type text not null,
    amount integer not null,
    stripe_session_id text,
    reservation_key uuid,
    created_at timestamptz not null default now(),
    -- For the foreign keys of what an operation leads to: it has to say the same as the operation.
    constraint operation_as_written unique (idempotency_key, user_id, operation_type, amount),
    constraint operation_type_known check (operation_type in ('purchase', 'reserve', 'settle', 'refund')),
    constraint operation_amount_positive check (amount > 0),
    constraint operation_session check (
        (operation_type = 'purchase') = (stripe_session_id is not null) and stripe_session_id ~ '\S'
    ),
    constraint operation_reservation check (
        (operation_type in ('settle', 'refund')) = (reservation_key is not null)
    )
);

-- A payment is credited once, under whichever key, to whichever user.
create unique index stripe_session_credited_once on credit_purchase.credit_operations (stripe_session_id)
where stripe_session_id is not null;

create index credit_operations_of_user on credit_purchase.credit_operations (user_id, created_at);
create index credit_operations_of_reservation on credit_purchase.credit_operations (reservation_key)
where reservation_key is not null;

-- What became of the credits that a reserve operation set aside. Those neither settled nor returned
-- are still held.
create table credit_purchase.credit_reservations (
    reservation_key uuid primary key,
    user_id uuid not null,
    operation_type text not null generated always as ('reserve') stored,
    amount integer not null,
    settled integer not null default 0,
    returned integer not null default 0,
    constraint reservation_of_user unique (reservation_key, user_id),
    constraint reservation_of_operation foreign key (reservation_key, user_id, operation_type, amount)
    references credit_purchase.credit_operations (idempotency_key, user_id, operation_type, amount),
    constraint reservation_not_exceeded check (
        settled >= 0 and returned >= 0 and settled::bigint + returned <= amount
    )
);

-- A settle or refund belongs to a reservation, and to one of the same user.
alter table credit_purchase.credit_operations
add constraint operation_of_reservation foreign key (reservation_key, user_id)
references credit_purchase.credit_reservations (reservation_key, user_id);

-- The ledger. Every movement of credit is one entry of one operation, which says the same as it. A settle
-- moves nothing: its credits left the balance when they were reserved. entry_no is drawn while the
-- profile's row is locked, so it orders a user's entries; created_at is the start of the transaction
-- and doesn't.
create table credit_purchase.credit_entries (
    entry_no bigint generated always as identity primary key,
    user_id uuid not null,
    amount integer not null,
    balance_before integer not null,
    balance_after integer not null,
    kind text not null,
    -- The Stripe session of a purchase, the reservation's key otherwise.
    reference text not null,
    request_key uuid not null,
    moved integer not null generated always as (abs(amount)) stored,
    created_at timestamptz not null default now(),
    constraint entry_request_key_once unique (request_key),
    constraint entry_of_user foreign key (user_id) references credit_purchase.user_profiles (id),
    constraint entry_of_operation foreign key (request_key, user_id, kind, moved)
    references credit_purchase.credit_operations (idempotency_key, user_id, operation_type, amount),
    constraint entry_direction check (
        case kind
            when 'purchase' then amount > 0
            when 'reserve' then amount < 0
            when 'refund' then amount > 0
            else false
        end
    ),
    constraint entry_adds_up check (balance_after = balance_before::bigint + amount),
    constraint entry_balances_not_negative check (balance_before >= 0 and balance_after >= 0)
);

create index credit_entries_of_user on credit_purchase.credit_entries (user_id, entry_no);

-- Operations and entries only grow. No role is granted more; this also stops the tables' owner.
create function credit_purchase.refuse_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end;
$$;

create trigger credit_operations_append_only
before update or delete or truncate on credit_purchase.credit_operations
for each statement execute function credit_purchase.refuse_change();

create trigger credit_entries_append_only
before update or delete or truncate on credit_purchase.credit_entries
for each statement execute function credit_purchase.refuse_change();

-- The functions run as the owner of the tables, to whom row level security doesn't apply.
alter table credit_purchase.user_profiles owner to credit_purchase_owner;
alter table credit_purchase.credit_operations owner to credit_purchase_owner;
alter table credit_purchase.credit_reservations owner to credit_purchase_owner;
alter table credit_purchase.credit_entries owner to credit_purchase_owner;
alter function credit_purchase.refuse_change() owner to credit_purchase_owner;

-- Some platforms grant everything in a new schema to their API roles by default.
revoke all on schema credit_purchase from public, anon, authenticated, service_role;
revoke all on all tables in schema credit_purchase from public, anon, authenticated, service_role;
revoke all on all sequences in schema credit_purchase from public, anon, authenticated, service_role;
revoke all on function credit_purchase.refuse_change() from public, anon, authenticated, service_role;

alter table credit_purchase.user_profiles enable row level security;
alter table credit_purchase.credit_operations enable row level security;
alter table credit_purchase.credit_reservations enable row level security;
alter table credit_purchase.credit_entries enable row level security;

-- The backend reads everything and writes through the functions alone.
grant usage on schema credit_purchase to service_role, authenticated;
grant select on all tables in schema credit_purchase to service_role;

create policy backend_reads on credit_purchase.user_profiles for select to service_role using (true);
create policy backend_reads on credit_purchase.credit_operations for select to service_role using (true);
create policy backend_reads on credit_purchase.credit_reservations for select to service_role using (true);
create policy backend_reads on credit_purchase.credit_entries for select to service_role using (true);

-- A user reads what is their own, and writes nothing. The user is the "sub" claim of the verified
-- token, as PostgREST passes it on.
grant select on all tables in schema credit_purchase to authenticated;

create policy user_reads_own on credit_purchase.user_profiles for select to authenticated
using (id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));

create policy user_reads_own on credit_purchase.credit_operations for select to authenticated
using (user_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));

create policy user_reads_own on credit_purchase.credit_reservations for select to authenticated
using (user_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));

create policy user_reads_own on credit_purchase.credit_entries for select to authenticated
using (user_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));
