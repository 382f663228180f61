create schema bench;

create table bench.account (
    id integer primary key,
    balance integer not null
);
