create schema wallet;
grant usage on schema wallet to wallet_clerk;

create table wallet.account (
    id uuid primary key,
    balance integer not null default 0
);

create table wallet.coupon (
    id uuid primary key,
    used boolean not null default false
);

-- Without a unique index on (account, key): what should be there once is there once by the code.
create table wallet.entry (
    entry_no bigint generated always as identity primary key,
    account uuid not null references wallet.account (id),
    amount integer not null,
    key text
);

create table wallet.safe_entry (
    entry_no bigint generated always as identity primary key,
    account uuid not null references wallet.account (id),
    amount integer not null,
    key text unique
);

-- The triggers of these four keep the balance, or see to it that it isn't overdrawn.
create table wallet.movement (
    id uuid primary key default gen_random_uuid(),
    account uuid not null,
    amount integer not null
);

create table wallet.safe_movement (like wallet.movement including all);

create table wallet.promise (like wallet.movement including all);

create table wallet.safe_promise (like wallet.movement including all);

grant select, insert, update, delete on all tables in schema wallet to wallet_clerk;
