create schema shelf;

-- The child's name comes first, and its rows can't.
create table shelf.z_room (
    id integer primary key,
    name text not null unique
);

create table shelf.a_book (
    id integer generated always as identity primary key,
    room integer not null references shelf.z_room (id) on delete cascade,
    sequel_of integer references shelf.a_book (id),
    title text not null,
    shout text generated always as (upper(title)) stored,
    whisper text generated always as (lower(title)) virtual
);

create table shelf.ledger (
    entry_no bigint generated always as identity primary key,
    book integer references shelf.a_book (id),
    amount numeric(12, 2) not null
);

create function shelf.append_only() returns trigger
language plpgsql
as $$
begin
    raise exception '% is append-only: no %', tg_table_name, tg_op;
end
$$;

create trigger append_only before update or delete on shelf.ledger
for each row execute function shelf.append_only();

create trigger append_only_as_a_whole before truncate on shelf.ledger
for each statement execute function shelf.append_only();

create table shelf.kept_by_rule (n integer);

create table shelf.event (
    id integer not null,
    day date not null,
    primary key (id, day)
) partition by range (day);

create table shelf.event_2026 partition of shelf.event
for values from ('2026-01-01') to ('2027-01-01');

create table shelf.event_rest partition of shelf.event default;

create table shelf.paper (id integer, kind text);

create table shelf.newspaper (day date) inherits (shelf.paper);

create table shelf."Odd 'name'" (
    "X y" smallserial,
    x text
);

create table shelf.log (said text);

create function shelf.count_rows() returns trigger
language plpgsql
as $$
begin
    insert into shelf.log (said) values (tg_table_name || ' ' || new.id);
    return null;
end
$$;

create trigger count_rows after insert on shelf.z_room
for each row execute function shelf.count_rows();

insert into shelf.z_room (id, name) values (1, 'cellar'), (2, 'attic');
insert into shelf.a_book (room, title) values (1, 'One');
insert into shelf.a_book (room, sequel_of, title) values (2, 1, 'Two'), (2, 2, 'Three');
insert into shelf.ledger (book, amount) values (1, 10), (1, 0.1);
insert into shelf.kept_by_rule (n) values (1), (1);
insert into shelf.event (id, day) values (1, '2026-05-01'), (2, '1999-05-01');
insert into shelf.paper (id, kind) values (1, 'plain');
insert into shelf.newspaper (id, kind, day) values (2, 'news', '2026-01-01');
insert into shelf."Odd 'name'" (x) values (null), ('odd');

create rule nothing_goes as on delete to shelf.kept_by_rule do instead nothing;

create function shelf.fill(p_id integer) returns table (books bigint, rows bigint)
language plpgsql
as $$
begin
    perform 1 from shelf.z_room where id = 1 for no key update;
    insert into shelf.z_room (id, name) values (p_id, 'new ' || p_id);
    insert into shelf.a_book (room, sequel_of, title) values (p_id, 1, 'Four');
    insert into shelf.ledger (book, amount) values (1, 5);
    insert into shelf.event (id, day) values (p_id, '2026-06-01');
    insert into shelf.newspaper (id, kind) values (p_id, 'late');
    insert into shelf."Odd 'name'" (x) values ('filled');
    insert into shelf.kept_by_rule (n) values (2);
    update shelf.paper set kind = 'read' where id = 1;
    delete from shelf.z_room where id = 2;
    return query select
        (select count(*) from shelf.a_book),
        (select count(*) from shelf.kept_by_rule) + (select count(*) from shelf.paper);
end
$$;
