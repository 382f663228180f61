create schema gift;

create table gift.card (
    id uuid primary key,
    balance integer not null check (balance >= 0)
);
