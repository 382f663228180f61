-- Peer booking: practitioners book each other's sessions and pay with credits, which come with their
-- subscriptions.
--
-- The tables say what is true, the functions in functions/ are the only writers of it. What a
-- constraint can state is stated here, so that a mistake in a function is an error, never a wrong row.
--
-- Credits are whole numbers. Functions add in bigint and compare before they store: integer arithmetic
-- would raise "out of range" where an answer is due.

create schema peer_booking authorization peer_booking_owner;

create table peer_booking.users (
    id uuid primary key default gen_random_uuid(),
    created_at timestamptz not null default now()
);

-- Who may book a peer's session, and be booked: both sides of a session are practitioners.
create table peer_booking.practitioners (
    user_id uuid primary key references peer_booking.users (id),
    created_at timestamptz not null default now()
);

create table peer_booking.subscriptions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references peer_booking.users (id),
    created_at timestamptz not null default now(),
    constraint subscription_of_user unique (id, user_id)
);

create index subscriptions_of_user on peer_booking.subscriptions (user_id);

-- The balance is a cache of the user's credit_transactions. The row is created on first use.
create table peer_booking.credits (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references peer_booking.users (id),
    balance integer not null default 0,
    updated_at timestamptz not null default now(),
    constraint credits_of_user_once unique (user_id),
    constraint balance_not_negative check (balance >= 0)
);

-- pending -> booked -> refunded, pending -> cancelled. A pending session has cost nothing yet.
create table peer_booking.peer_sessions (
    id uuid primary key default gen_random_uuid(),
    client_id uuid not null references peer_booking.practitioners (user_id),
    practitioner_id uuid not null references peer_booking.practitioners (user_id),
    duration_minutes integer not null,
    status text not null default 'pending',
    credit_cost integer,
    booked_at timestamptz,
    refunded_at timestamptz,
    refund_reason text,
    created_at timestamptz not null default now(),
    constraint session_people unique (id, client_id, practitioner_id),
    constraint session_of_two check (client_id <> practitioner_id),
    constraint session_duration_valid check (duration_minutes between 1 and 1440),
    constraint session_status_known check (status in ('pending', 'booked', 'refunded', 'cancelled')),
    constraint session_cost_valid check (credit_cost > 0),
    constraint session_booked check (
        (status in ('booked', 'refunded')) = (credit_cost is not null)
        and (status in ('booked', 'refunded')) = (booked_at is not null)
    ),
    constraint session_refunded check (
        (status = 'refunded') = (refunded_at is not null)
        and (status = 'refunded') = (refund_reason is not null)
    ),
    constraint session_refund_reason_given check (btrim(refund_reason) <> '')
);

create index peer_sessions_of_client on peer_booking.peer_sessions (client_id);
create index peer_sessions_of_practitioner on peer_booking.peer_sessions (practitioner_id);

-- What update_credit_balance was asked to do.
create table peer_booking.balance_updates (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references peer_booking.users (id),
    amount integer not null,
    transaction_type text not null,
    description text,
    reference_id uuid,
    reference_type text,
    created_at timestamptz not null default now(),
    constraint update_reference_once unique (reference_type, reference_id),
    constraint update_amount unique (id, user_id, amount),
    constraint update_type_fits_amount check (
        case transaction_type
            when 'bonus' then amount > 0
            when 'purchase' then amount > 0
            when 'spend' then amount < 0
            when 'adjustment' then amount <> 0
            else false
        end
    ),
    constraint update_reference_complete check ((reference_type is null) = (reference_id is null)),
    constraint update_reference_named check (btrim(reference_type) <> '')
);

-- Credits that went from one user to another: sent, paid for a session, or given back for one.
-- client_id and practitioner_id are those of the session, whichever way the credits went.
create table peer_booking.credit_transfers (
    id uuid primary key default gen_random_uuid(),
    kind text not null,
    from_user_id uuid not null references peer_booking.users (id),
    to_user_id uuid not null references peer_booking.users (id),
    amount integer not null,
    description text,
    reference_id uuid,
    reference_type text,
    session_id uuid,
    client_id uuid generated always as (
        case kind when 'booking' then from_user_id when 'refund' then to_user_id end
    ) stored,
    practitioner_id uuid generated always as (
        case kind when 'booking' then to_user_id when 'refund' then from_user_id end
    ) stored,
    created_at timestamptz not null default now(),
    constraint transfer_kind_known check (kind in ('transfer', 'booking', 'refund')),
    constraint transfer_of_two check (from_user_id <> to_user_id),
    constraint transfer_amount_positive check (amount > 0),
    constraint transfer_reference_once unique (reference_type, reference_id),
    constraint transfer_reference_complete check ((reference_type is null) = (reference_id is null)),
    constraint transfer_reference_named check (btrim(reference_type) <> ''),
    -- One payment and one refund per session, between its two people.
    constraint transfer_once_per_session unique (session_id, kind),
    constraint transfer_session check ((kind = 'transfer') = (session_id is null)),
    constraint transfer_of_session foreign key (session_id, client_id, practitioner_id)
    references peer_booking.peer_sessions (id, client_id, practitioner_id),
    constraint transfer_payer unique (id, from_user_id, amount),
    constraint transfer_receiver unique (id, to_user_id, amount)
);

-- Credits that were given: with a subscription's period, or for an event.
create table peer_booking.credit_allocations (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references peer_booking.users (id),
    amount integer not null,
    allocation_type text not null,
    subscription_id uuid,
    period_start timestamptz,
    period_end timestamptz,
    event_id text,
    description text,
    created_at timestamptz not null default now(),
    constraint allocation_once_per_period unique (subscription_id, period_start),
    constraint allocation_once_per_event unique (event_id),
    constraint allocation_receiver unique (id, user_id, amount),
    constraint allocation_amount_positive check (amount > 0),
    constraint allocation_type_known check (allocation_type in ('monthly', 'yearly', 'event')),
    constraint allocation_of_subscription foreign key (subscription_id, user_id)
    references peer_booking.subscriptions (id, user_id),
    constraint allocation_origin check (
        case allocation_type
            when 'event' then num_nonnulls(subscription_id, period_start, period_end) = 0
            else num_nulls(subscription_id, period_start, period_end) = 0 and event_id is null
        end
    ),
    constraint allocation_period_valid check (
        period_start < period_end and isfinite(period_start) and isfinite(period_end)
    ),
    constraint allocation_event_named check (btrim(event_id) <> '')
);

create index credit_allocations_of_user on peer_booking.credit_allocations (user_id);

-- Transactions from before balance_before was kept. backfill_balance_before takes them over.
create table peer_booking.old_transactions (
    id uuid primary key,
    user_id uuid not null references peer_booking.users (id),
    amount integer not null,
    balance_after integer not null,
    transaction_type text not null,
    description text,
    reference_id uuid,
    reference_type text,
    created_at timestamptz not null,
    constraint old_transaction_amount unique (id, user_id, amount),
    constraint old_transaction_type_known check (
        transaction_type in (
            'session_payment', 'session_earning', 'session_refund', 'session_reversal',
            'transfer_out', 'transfer_in', 'bonus', 'purchase', 'spend', 'adjustment'
        )
    ),
    constraint old_transaction_moves_something check (amount <> 0),
    constraint old_transaction_balance_valid check (balance_after >= 0)
);

create index old_transactions_of_user on peer_booking.old_transactions (user_id, created_at);

-- The ledger. Every movement of credit is one entry per account, for exactly one document. entry_no is
-- drawn while the account's row is locked, so it orders an account's entries; created_at is the start of
-- the transaction and doesn't.
create table peer_booking.credit_transactions (
    entry_no bigint generated always as identity primary key,
    id uuid not null default gen_random_uuid(),
    user_id uuid not null references peer_booking.credits (user_id),
    amount integer not null,
    balance_before integer not null,
    balance_after integer not null,
    transaction_type text not null,
    description text,
    reference_id uuid,
    reference_type text,
    update_id uuid,
    transfer_id uuid,
    allocation_id uuid,
    old_transaction_id uuid,
    -- A transfer has two entries: one of its payer and one of its receiver, each of the whole amount.
    spent_transfer_id uuid generated always as (case when amount < 0 then transfer_id end) stored,
    earned_transfer_id uuid generated always as (case when amount > 0 then transfer_id end) stored,
    transfer_amount integer generated always as (case when transfer_id is not null then abs(amount) end) stored,
    -- One movement of a type per document: what makes a second payment, refund or allocation impossible.
    request_key text not null generated always as (
        transaction_type || ':' || coalesce(update_id, transfer_id, allocation_id, old_transaction_id)::text
    ) stored,
    created_at timestamptz not null default now(),
    constraint transaction_id_once unique (id),
    constraint transaction_as_logged unique (entry_no, user_id, balance_before, balance_after),
    constraint transaction_request_key_once unique (request_key),
    constraint transaction_spent_once unique (spent_transfer_id),
    constraint transaction_earned_once unique (earned_transfer_id),
    constraint transaction_of_update foreign key (update_id, user_id, amount)
    references peer_booking.balance_updates (id, user_id, amount),
    constraint transaction_of_payer foreign key (spent_transfer_id, user_id, transfer_amount)
    references peer_booking.credit_transfers (id, from_user_id, amount),
    constraint transaction_of_receiver foreign key (earned_transfer_id, user_id, transfer_amount)
    references peer_booking.credit_transfers (id, to_user_id, amount),
    constraint transaction_of_allocation foreign key (allocation_id, user_id, amount)
    references peer_booking.credit_allocations (id, user_id, amount),
    constraint transaction_of_old_one foreign key (old_transaction_id, user_id, amount)
    references peer_booking.old_transactions (id, user_id, amount),
    constraint transaction_type_known check (
        transaction_type in (
            'session_payment', 'session_earning', 'session_refund', 'session_reversal',
            'transfer_out', 'transfer_in', 'bonus', 'purchase', 'spend', 'adjustment'
        )
    ),
    constraint transaction_document check (
        num_nonnulls(update_id, transfer_id, allocation_id, old_transaction_id) = 1
        and case
            when old_transaction_id is not null then true
            when transaction_type in ('session_payment', 'session_reversal', 'transfer_out')
                then spent_transfer_id is not null
            when transaction_type in ('session_refund', 'transfer_in') then earned_transfer_id is not null
            when transaction_type = 'session_earning' then num_nonnulls(earned_transfer_id, allocation_id) = 1
            when transaction_type = 'bonus' then num_nonnulls(update_id, allocation_id) = 1
            else update_id is not null
        end
    ),
    constraint transaction_moves_something check (amount <> 0),
    constraint transaction_adds_up check (balance_after = balance_before + amount),
    constraint transaction_balances_valid check (balance_before >= 0 and balance_after >= 0)
);

create index credit_transactions_of_user on peer_booking.credit_transactions (user_id, entry_no);
create index credit_transactions_of_reference on peer_booking.credit_transactions (reference_id);

-- The audit log: who moved what, from which balance to which, and when. db_role is the role that called
-- the function, token_subject the user in whose name it did, where the token names one. The foreign key
-- keeps a line from telling another story than its entry.
create table peer_booking.credit_audit_log (
    log_no bigint generated always as identity primary key,
    entry_no bigint not null,
    user_id uuid not null,
    transaction_type text not null,
    balance_before integer not null,
    balance_after integer not null,
    db_role text not null,
    token_subject text,
    logged_at timestamptz not null default now(),
    constraint log_line_once_per_entry unique (entry_no),
    constraint log_line_tells_its_entry foreign key (entry_no, user_id, balance_before, balance_after)
    references peer_booking.credit_transactions (entry_no, user_id, balance_before, balance_after)
);

create index credit_audit_log_of_user on peer_booking.credit_audit_log (user_id, log_no);

-- Both sides of each transfer, as the ledger tells it.
create view peer_booking.credit_transfer_legs
with (security_invoker = true) as
select
    transfer.id as transfer_id,
    transfer.kind,
    transfer.session_id,
    transfer.amount,
    spent.id as spend_transaction_id,
    spent.balance_before as payer_balance_before,
    spent.balance_after as payer_balance_after,
    earned.id as earn_transaction_id,
    earned.balance_before as receiver_balance_before,
    earned.balance_after as receiver_balance_after
from peer_booking.credit_transfers as transfer
inner join peer_booking.credit_transactions as spent on transfer.id = spent.spent_transfer_id
inner join peer_booking.credit_transactions as earned on transfer.id = earned.earned_transfer_id;

-- Ledger and log only grow. No role is granted more; this also stops the tables' owner.
create function peer_booking.refuse_ledger_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end;
$$;

create trigger credit_transactions_append_only
before update or delete or truncate on peer_booking.credit_transactions
for each statement execute function peer_booking.refuse_ledger_change();

create trigger credit_audit_log_append_only
before update or delete or truncate on peer_booking.credit_audit_log
for each statement execute function peer_booking.refuse_ledger_change();

-- The functions run as the owner of the tables, to whom row level security doesn't apply.
alter table peer_booking.users owner to peer_booking_owner;
alter table peer_booking.practitioners owner to peer_booking_owner;
alter table peer_booking.subscriptions owner to peer_booking_owner;
alter table peer_booking.credits owner to peer_booking_owner;
alter table peer_booking.peer_sessions owner to peer_booking_owner;
alter table peer_booking.balance_updates owner to peer_booking_owner;
alter table peer_booking.credit_transfers owner to peer_booking_owner;
alter table peer_booking.credit_allocations owner to peer_booking_owner;
alter table peer_booking.old_transactions owner to peer_booking_owner;
alter table peer_booking.credit_transactions owner to peer_booking_owner;
alter table peer_booking.credit_audit_log owner to peer_booking_owner;
alter view peer_booking.credit_transfer_legs owner to peer_booking_owner;
alter function peer_booking.refuse_ledger_change() owner to peer_booking_owner;

-- Some platforms grant everything in a new schema to their API roles by default.
revoke all on schema peer_booking from public, anon, authenticated, service_role;
revoke all on all tables in schema peer_booking from public, anon, authenticated, service_role;
revoke all on all sequences in schema peer_booking from public, anon, authenticated, service_role;
revoke all on function peer_booking.refuse_ledger_change() from public, anon, authenticated, service_role;

alter table peer_booking.users enable row level security;
alter table peer_booking.practitioners enable row level security;
alter table peer_booking.subscriptions enable row level security;
alter table peer_booking.credits enable row level security;
alter table peer_booking.peer_sessions enable row level security;
alter table peer_booking.balance_updates enable row level security;
alter table peer_booking.credit_transfers enable row level security;
alter table peer_booking.credit_allocations enable row level security;
alter table peer_booking.old_transactions enable row level security;
alter table peer_booking.credit_transactions enable row level security;
alter table peer_booking.credit_audit_log enable row level security;

-- The backend reads everything and writes through the functions alone.
grant usage on schema peer_booking to service_role, authenticated;
grant select on all tables in schema peer_booking to service_role;

create policy backend_reads on peer_booking.users for select to service_role using (true);
create policy backend_reads on peer_booking.practitioners for select to service_role using (true);
create policy backend_reads on peer_booking.subscriptions for select to service_role using (true);
create policy backend_reads on peer_booking.credits for select to service_role using (true);
create policy backend_reads on peer_booking.peer_sessions for select to service_role using (true);
create policy backend_reads on peer_booking.balance_updates for select to service_role using (true);
create policy backend_reads on peer_booking.credit_transfers for select to service_role using (true);
create policy backend_reads on peer_booking.credit_allocations for select to service_role using (true);
create policy backend_reads on peer_booking.old_transactions for select to service_role using (true);
create policy backend_reads on peer_booking.credit_transactions for select to service_role using (true);
create policy backend_reads on peer_booking.credit_audit_log for select to service_role using (true);

-- A user reads what is the user's own, and writes nothing. The user is the "sub" claim of the verified
-- token, as PostgREST passes it on.
grant select on peer_booking.credits, peer_booking.credit_transactions, peer_booking.credit_allocations,
peer_booking.peer_sessions to authenticated;

create policy user_reads_own on peer_booking.credits for select to authenticated
using (user_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));

create policy user_reads_own on peer_booking.credit_transactions for select to authenticated
using (user_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));

create policy user_reads_own on peer_booking.credit_allocations for select to authenticated
using (user_id = (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid));

-- A session is its client's and its practitioner's.
create policy user_reads_own on peer_booking.peer_sessions for select to authenticated
using (
    (select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid)
    in (client_id, practitioner_id)
);
