create schema gift;

create table gift.card (
    id uuid primary key,
    balance integer not null
);

create table gift.entry (
    entry_no bigint generated always as identity primary key,
    card_id uuid not null references gift.card (id),
    amount integer not null,
    balance_before integer not null,
    balance_after integer not null,
    kind text not null,
    created_at timestamptz not null default now()
);

create function gift.open(p_card uuid, p_balance integer) returns void
language sql
as $$
    insert into gift.card (id, balance) values (p_card, p_balance);
    insert into gift.entry (card_id, amount, balance_before, balance_after, kind)
    values (p_card, p_balance, 0, p_balance, 'open');
$$;
