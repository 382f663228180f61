-- A small world in which every audit holds: each canonical relation is a plain table here, with its
-- columns and nothing else, so that a wrong fact can be planted without a constraint in the way.
--
-- Ann and Ben topped up and bought with credits, Ben was refunded; Ann also bought by card and paid
-- for a service that is no purchase. Cat's account was never used.

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

-- 75 and 75.00 are the same balance.
insert into planted.account (account_id, balance) values
('ann', 75.00),
('ben', 200),
('cat', 0);

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
('ann', 9, -5, 80, 75, 'service', 'service-1', 'key-9', now() - interval '20 minutes');

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
