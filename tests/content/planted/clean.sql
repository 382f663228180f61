-- A small world in which every audit holds: each canonical relation is a plain table here, with its
-- columns and nothing else, so that a wrong fact can be planted without a constraint in the way.
--
-- Ann and Ben topped up and bought with credits, Ben was refunded; Ann also bought by card and paid
-- for a service that is no purchase. Cat's account was never used. Dan was given credits for a month,
-- set some aside, used some and sent some to Eve.

create schema planted;

create table planted.account (
    account_id text,
    balance numeric
);

create table planted.entry (
    account_id text,
    entry_no bigint,
    amount numeric,
    balance_before numeric,
    balance_after numeric,
    kind text,
    reference text,
    request_key text,
    created_at timestamptz
);

create table planted.item (
    item_id text,
    status text,
    sold_count integer,
    sold_at timestamptz
);

create table planted.purchase (
    purchase_id text,
    account_id text,
    status text,
    method text,  -- noqa: RF04
    amount numeric,
    created_at timestamptz,
    expires_at timestamptz,
    completed_at timestamptz
);

create table planted.purchase_item (
    purchase_id text,
    item_id text,
    price numeric,
    sold boolean
);

create table planted.charge (
    charge_id text,
    account_id text,
    amount numeric
);

create table planted.refund (
    charge_id text,
    account_id text,
    amount numeric
);

create table planted.payment (
    payment_id text,
    account_id text,
    amount numeric,
    status text,
    entry_no bigint
);

create table planted.hold (
    hold_id text,
    account_id text,
    amount numeric,
    settled numeric,
    returned numeric
);

create table planted.usage (
    usage_id text,
    account_id text,
    amount numeric,
    status text,
    entry_no bigint
);

create table planted.transfer (
    transfer_id text,
    from_account text,
    to_account text,
    amount numeric,
    spend_entry_no bigint,
    earn_entry_no bigint
);

create table planted.allocation (
    allocation_id text,
    account_id text,
    subscription_id text,
    period_start timestamptz,
    amount numeric,
    entry_no bigint
);

create table planted.log_line (
    log_no bigint,
    account_id text,
    entry_no bigint,
    balance_before numeric,
    balance_after numeric
);

create table planted.claim (
    claim_id text,
    status text,
    stripe_key text,
    resource_id text,
    created_at timestamptz,
    completed_at timestamptz
);

create table planted.webhook_event (
    event_id text,
    status text,
    effect text
);

-- 75 and 75.00 are the same balance.
insert into planted.account (account_id, balance) values
('ann', 75.00),
('ben', 200),
('cat', 0),
('dan', 60),
('eve', 15);

-- Entries 7 and 8 have no request key, which makes them no repeats of each other. Entry 5 was
-- written before entry 4 by its time: only the number orders them.
insert into planted.entry (
    account_id, entry_no, amount, balance_before, balance_after, kind, reference, request_key, created_at
) values
('ann', 1, 100, 0, 100, 'top_up', 'payment-1', 'key-1', now() - interval '90 minutes'),
('ben', 2, 200, 0, 200, 'top_up', 'payment-2', 'key-2', now() - interval '80 minutes'),
('ann', 3, -30, 100, 70, 'purchase', 'by-credits', 'key-3', now() - interval '70 minutes'),
('ben', 4, -50, 200, 150, 'purchase', 'refunded', 'key-4', now() - interval '50 minutes'),
('ben', 5, 50, 150, 200, 'refund', 'refunded', 'key-5', now() - interval '60 minutes'),
('ann', 7, 5, 70.0, 75, 'grant', null, null, now() - interval '40 minutes'),
('ann', 8, 5, 75, 80.0, 'grant', null, null, now() - interval '30 minutes'),
('ann', 9, -5, 80, 75, 'service', 'service-1', 'key-9', now() - interval '20 minutes'),
('dan', 10, 100, 0, 100, 'allocation', 'allocation-1', 'key-10', now() - interval '50 minutes'),
('dan', 11, -25, 100, 75, 'reserve', 'hold-1', 'key-11', now() - interval '40 minutes'),
('dan', 12, 10, 75, 85, 'release', 'hold-1', 'key-12', now() - interval '35 minutes'),
('dan', 13, -10, 85, 75, 'usage', 'usage-1', 'key-13', now() - interval '30 minutes'),
('dan', 14, -15, 75, 60, 'transfer', 'transfer-1', 'key-14', now() - interval '20 minutes'),
('eve', 15, 15, 0, 15, 'transfer', 'transfer-1', 'key-15', now() - interval '20 minutes');

insert into planted.item (item_id, status, sold_count, sold_at) values
('item-1', 'sold', 1, now() - interval '70 minutes'),
('item-2', 'sold', 1, now() - interval '70 minutes'),
('item-3', 'sold', 1, now() - interval '60 minutes'),
('item-4', 'sold', 1, now() - interval '20 minutes'),
('item-5', 'available', 0, null),
('item-6', 'draft', 0, null),
('item-7', 'available', 0, null),
('item-8', 'sold', 1, now() - interval '10 minutes');

-- The purchase "too-late" was paid by card when its item had gone: it has to be refunded.
insert into planted.purchase (
    purchase_id, account_id, status, method, amount, created_at, expires_at, completed_at
) values
('by-credits', 'ann', 'completed', 'credits', 30, now() - interval '2 days', now() - interval '47 hours', now()),
('by-card', 'ann', 'completed', 'card', 40, now() - interval '2 hours', now(), now()),
('refunded', 'ben', 'refunded', 'credits', 50, now() - interval '2 hours', now(), now()),
('refunded-card', 'ben', 'refunded', 'card', 15, now() - interval '2 hours', now(), null),
('pending', 'ben', 'pending', 'credits', 25, now() - interval '2 hours', now() - interval '1 hour', null),
('failed', 'ann', 'failed', 'credits', 25, now() - interval '3 days', now() - interval '71 hours', null),
('too-late', 'ben', 'refund_due', 'card', 10, now() - interval '3 days', now() - interval '71 hours', null);

insert into planted.purchase_item (purchase_id, item_id, price, sold) values
('by-credits', 'item-1', 10, true),
('by-credits', 'item-2', 20.0, true),
('by-card', 'item-4', 40, true),
('refunded', 'item-3', 50, true),
('refunded-card', 'item-8', 15, true),
('pending', 'item-5', 25, false),
('failed', 'item-5', 25, false),
('too-late', 'item-1', 10, false);

insert into planted.charge (charge_id, account_id, amount) values
('by-credits', 'ann', 30),
('refunded', 'ben', 50),
('service-1', 'ann', 5);

insert into planted.refund (charge_id, account_id, amount) values
('refunded', 'ben', 50);

insert into planted.payment (payment_id, account_id, amount, status, entry_no) values
('payment-1', 'ann', 100, 'completed', 1),
('payment-2', 'ben', 200, 'completed', 2),
('payment-3', 'cat', 40, 'pending', null),
('payment-4', 'cat', 10, 'failed', null);

-- Of 25 set aside, 15 were used and 10 came back.
insert into planted.hold (hold_id, account_id, amount, settled, returned) values
('hold-1', 'dan', 25, 15, 10);

insert into planted.usage (usage_id, account_id, amount, status, entry_no) values
('usage-1', 'dan', 10, 'billed', 13),
('usage-2', 'dan', 7, 'unbilled', null);

insert into planted.transfer (
    transfer_id, from_account, to_account, amount, spend_entry_no, earn_entry_no
) values
('transfer-1', 'dan', 'eve', 15, 14, 15);

insert into planted.allocation (
    allocation_id, account_id, subscription_id, period_start, amount, entry_no
) values
('allocation-1', 'dan', 'subscription-1', timestamptz '2030-01-01 00:00:00Z', 100, 10);

insert into planted.log_line (log_no, account_id, entry_no, balance_before, balance_after)
select
    row_number() over (order by entry.entry_no) as log_no,
    entry.account_id,
    entry.entry_no,
    entry.balance_before,
    entry.balance_after
from planted.entry as entry;

insert into planted.claim (claim_id, status, stripe_key, resource_id, created_at, completed_at) values
('checkout:1', 'completed', 'checkout:1:a', 'cs_1', now() - interval '2 hours', now() - interval '1 hour'),
('checkout:2', 'in_progress', 'checkout:2:b', null, now() - interval '1 minute', null),
('refund:1', 'needs_attention', 'refund:1:c', null, now() - interval '2 days', null);

insert into planted.webhook_event (event_id, status, effect) values
('evt_1', 'processed', 'wallet-1'),
('evt_2', 'processed', null),
('evt_3', 'received', null);
