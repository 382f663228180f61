-- Statements that touch one row, several, or more than they say. test_explorer_rows.py plays them in pairs.

create schema rows;

-- Several unique keys: plain, partial, computed.
create table rows.item (
    id integer primary key,
    code text unique,
    owner integer,
    active boolean not null default false,
    n integer not null default 0
);
create unique index one_active on rows.item (owner) where active;

create table rows.pair (
    a integer,
    b integer,
    n integer not null default 0,
    primary key (a, b)
);

create table rows.source (
    a integer,
    b integer,
    n integer
);

create table rows.named (
    id integer primary key,
    name text not null
);
create unique index on rows.named (lower(name));

create table rows.short (
    id integer primary key,
    code varchar(3) unique
);

create table rows.spot (
    id integer primary key,
    x integer,
    y integer,
    unique nulls not distinct (x, y)
);

create table rows.doubled (
    id integer primary key,
    base integer not null,
    twice integer generated always as (base * 2) stored,
    n integer not null default 0
);

create table rows.day (
    id integer primary key,
    day date,
    n integer not null default 0
);

-- Numbers that are drawn show who came first.
create table rows.entry (
    entry_no bigint generated always as identity primary key,
    item integer,
    n integer
);

-- Parents, and children that refer to them in every way.
create table rows.parent (
    id integer primary key,
    code integer unique,
    n integer not null default 0
);

create table rows.child (
    id integer primary key,
    parent integer references rows.parent,
    n integer not null default 0
);

create table rows.by_code (
    id integer primary key,
    code integer references rows.parent (code) on update cascade
);

create domain rows.fifth as integer default 5;

create table rows.by_domain (
    id integer primary key,
    parent rows.fifth references rows.parent
);

create table rows.owner (id integer primary key);

create table rows.thing (
    id integer primary key,
    owner integer default 0 references rows.owner on delete set default
);

create table rows.root (id integer primary key);

create table rows.leaf (
    id integer primary key,
    root integer references rows.root on delete cascade,
    n integer not null default 0
);

create table rows.tree (
    id integer primary key,
    above integer references rows.tree,
    n integer not null default 0
);

-- Triggers: one changes the row, one another table's.
create table rows.forced (
    id integer primary key,
    k integer unique
);

create function rows.force_k() returns trigger
language plpgsql
as $$
begin
    new.k := 5;
    return new;
end
$$;

create trigger force_k before insert on rows.forced
for each row execute function rows.force_k();

create table rows.counted (
    id integer primary key,
    item integer
);

create function rows.count_item_of() returns trigger
language plpgsql
as $$
begin
    update rows.item set n = n + 1 where id = new.item;
    return null;
end
$$;

create trigger count_item_of after insert on rows.counted
for each row execute function rows.count_item_of();

-- It returns what it reads, with another key, and then the row is inserted.
create table rows.returned (
    id integer primary key,
    n integer not null default 0
);

create function rows.return_first() returns trigger
language plpgsql
as $$
declare
    v_first integer := 1;
    v_new integer := 2;
begin
    return (select row(v_new, x.n)::rows.returned from rows.returned as x where x.id = v_first);
end
$$;

create trigger return_first before insert on rows.returned
for each row when (new.id > 5) execute function rows.return_first();

-- What stands behind a name: a view, a child table, partitions, a rule.
create view rows.some_items as select * from rows.item where n >= 0;

create table rows.base (
    id integer primary key,
    n integer not null default 0
);
create table rows.derived () inherits (rows.base);

create table rows.range (
    id integer primary key,
    n integer not null default 0
) partition by range (id);
create table rows.low partition of rows.range for values from (0) to (10);
create table rows.high partition of rows.range for values from (10) to (20);

create table rows.ruled (id integer primary key);
create rule ruled as on insert to rows.ruled do also update rows.item set n = 9 where id = 1;


create function rows.add_item(p_id integer, p_code text) returns void
language plpgsql
as $$
begin
    insert into rows.item (id, code) values (p_id, p_code);
end
$$;

create function rows.add_active(p_id integer, p_owner integer) returns void
language plpgsql
as $$
begin
    insert into rows.item (id, owner, active) values (p_id, p_owner, true);
end
$$;

create function rows.add_two(p_one integer, p_other integer) returns void
language plpgsql
as $$
begin
    insert into rows.item (id, n)
    select p_one, 1
    union all
    select p_other, 2;
end
$$;

create function rows.put_item(p_id integer, p_code text) returns void
language plpgsql
as $$
begin
    insert into rows.item (id) values (p_id)
    on conflict (id) do update set code = p_code;
end
$$;

create function rows.try_item(p_id integer, p_code text) returns void
language plpgsql
as $$
begin
    insert into rows.item (id, code) values (p_id, p_code) on conflict do nothing;
end
$$;

create function rows.catch_item(p_id integer) returns void
language plpgsql
as $$
begin
    insert into rows.item (id) values (p_id);
exception
    when unique_violation then
        update rows.item set n = n + 1 where id = p_id;
end
$$;

create function rows.count_item(p_id integer) returns void
language plpgsql
as $$
begin
    update rows.item set n = n + 1 where id = p_id;
end
$$;

create function rows.count_two(p_one integer, p_other integer) returns void
language plpgsql
as $$
begin
    update rows.item set n = n + 1 where id = p_one;
    update rows.item set n = n + 1 where id = p_other;
end
$$;

create function rows.activate(p_id integer) returns void
language plpgsql
as $$
begin
    update rows.item set active = true where id = p_id;
end
$$;

create function rows.recode(p_id integer, p_code text) returns void
language plpgsql
as $$
begin
    update rows.item set code = p_code where id = p_id;
end
$$;

create function rows.give(p_id integer, p_owner integer) returns void
language plpgsql
as $$
begin
    update rows.item set owner = p_owner where id = p_id;
end
$$;

create function rows.drop_item(p_id integer) returns void
language plpgsql
as $$
begin
    delete from rows.item where id = p_id;
end
$$;

create function rows.see_item(p_id integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select n into v_n from rows.item where id = p_id;
    return v_n;
end
$$;

create function rows.see_code(p_code text) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select n into v_n from rows.item where code = p_code;
    return v_n;
end
$$;

create function rows.see_owner(p_owner integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select count(*) into v_n from rows.item where owner = p_owner;
    return v_n;
end
$$;

-- Its id is the third column, the owner.
create function rows.see_renamed(p_id integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select count(*) into v_n from rows.item as x (n, code, id) where x.id = p_id;
    return v_n;
end
$$;

create function rows.lock_item(p_id integer) returns void
language plpgsql
as $$
begin
    perform 1 from rows.item where id = p_id for update;
end
$$;

create function rows.skip_item(p_id integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select n into v_n from rows.item where id = p_id for update skip locked;
    return v_n;
end
$$;

create function rows.take_item() returns void
language plpgsql
as $$
declare
    v_id integer;
begin
    select id into v_id from rows.item where not active order by id limit 1 for update;
    update rows.item set active = true where id = v_id;
end
$$;

create function rows.shadowed(p_id integer, p_other integer) returns void
language plpgsql
as $$
begin
    declare
        p_id integer := p_other;
    begin
        update rows.item set n = n + 1 where id = p_id;
    end;
end
$$;

create function rows.moved_on(p_id integer, p_owner integer) returns void
language plpgsql
as $$
begin
    with freed as (
        update rows.item set owner = null where id = p_id returning n
    )
    update rows.item set n = freed.n from freed where rows.item.owner = p_owner;
end
$$;

create function rows.rolled_back(p_id integer, p_other integer) returns void
language plpgsql
as $$
begin
    begin
        update rows.item set n = n + 5 where id = p_id;
        raise exception 'never mind';
    exception
        when raise_exception then
            null;
    end;
    update rows.item set n = n + 1 where id = p_other;
end
$$;

-- Finds the row that it counts by another one.
create function rows.by_owner(p_id integer) returns void
language plpgsql
as $$
declare
    v_owner integer;
begin
    select owner into v_owner from rows.item where id = p_id;
    update rows.item set n = n + 1 where id = v_owner;
end
$$;

create function rows.either(p_one integer, p_other integer) returns void
language plpgsql
as $$
begin
    if exists (select from rows.item where id = p_one and n > 0) then
        update rows.item set n = 0 where id = p_other;
    elsif exists (select from rows.item where id = p_other and n > 0) then
        update rows.item set n = 0 where id = p_one;
    end if;
end
$$;

create function rows.copied(p_id integer, p_from integer) returns void
language plpgsql
as $$
begin
    create temporary table x as select id from rows.item where n >= 0 and id = p_from for update;
    update rows.item set n = n + 1 where id = p_id;
end
$$;

create function rows.joined(p_id integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select sum(i.n) into v_n
    from rows.item as i
    join rows.item as other on other.owner = i.id
    where other.id = p_id;
    return v_n;
end
$$;

create function rows.maybe_joined(p_id integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select sum(other.n) into v_n
    from rows.item as i
    left join rows.item as other on other.id = i.owner and i.id = p_id;
    return v_n;
end
$$;

create function rows.add_entry(p_item integer, p_n integer) returns void
language plpgsql
as $$
begin
    insert into rows.entry (item, n) values (p_item, p_n);
end
$$;

create function rows.see_last(p_item integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select n into v_n from rows.entry where item = p_item order by entry_no desc limit 1;
    return v_n;
end
$$;

create function rows.add_pair(p_a integer, p_b integer) returns void
language plpgsql
as $$
begin
    insert into rows.pair (a, b) values (p_a, p_b);
end
$$;

create function rows.add_row(p_a integer, p_b integer) returns void
language plpgsql
as $$
declare
    v_pair rows.pair;
begin
    v_pair := row(p_a, p_b, 0);
    insert into rows.pair values (v_pair.*);
end
$$;

create function rows.add_from(p_a integer) returns void
language plpgsql
as $$
begin
    insert into rows.pair select * from rows.source where a = p_a;
end
$$;

create function rows.count_pair(p_a integer, p_b integer) returns void
language plpgsql
as $$
begin
    update rows.pair set n = n + 1 where a = p_a and b = p_b;
end
$$;

create function rows.move_pair(p_a integer, p_b integer, p_to integer) returns void
language plpgsql
as $$
begin
    update rows.pair set b = p_to where a = p_a and b = p_b;
end
$$;

create function rows.see_pair(p_a integer, p_b integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select n into v_n from rows.pair where a = p_a and b = p_b;
    return v_n;
end
$$;

create function rows.add_named(p_id integer, p_name text) returns void
language plpgsql
as $$
begin
    insert into rows.named values (p_id, p_name);
end
$$;

create function rows.rename(p_id integer, p_name text) returns void
language plpgsql
as $$
begin
    update rows.named set name = p_name where id = p_id;
end
$$;

create function rows.add_short(p_id integer, p_code text) returns void
language plpgsql
as $$
begin
    insert into rows.short values (p_id, p_code);
end
$$;

create function rows.add_spot(p_id integer, p_x integer) returns void
language plpgsql
as $$
begin
    insert into rows.spot (id, x) values (p_id, p_x);
end
$$;

create function rows.set_base(p_twice integer, p_base integer) returns void
language plpgsql
as $$
begin
    update rows.doubled set base = p_base where twice = p_twice;
end
$$;

create function rows.count_twice(p_twice integer) returns void
language plpgsql
as $$
begin
    update rows.doubled set n = n + 1 where twice = p_twice;
end
$$;

create function rows.count_day(p_day date) returns void
language plpgsql
as $$
begin
    update rows.day set n = n + 1 where day = p_day;
end
$$;

create function rows.count_day_told_otherwise(p_day date) returns void
language plpgsql
set datestyle = 'SQL'
as $$
begin
    update rows.day set n = n + 1 where day = p_day;
end
$$;

create function rows.add_parent(p_id integer, p_code integer) returns void
language plpgsql
as $$
begin
    insert into rows.parent values (p_id, p_code);
end
$$;

create function rows.count_parent(p_id integer) returns void
language plpgsql
as $$
begin
    update rows.parent set n = n + 1 where id = p_id;
end
$$;

create function rows.lock_parent(p_id integer) returns void
language plpgsql
as $$
begin
    perform 1 from rows.parent where id = p_id for update;
end
$$;

create function rows.lock_weakly(p_id integer) returns void
language plpgsql
as $$
begin
    perform 1 from rows.parent where id = p_id for no key update;
end
$$;

create function rows.rekey_parent(p_id integer, p_to integer) returns void
language plpgsql
as $$
begin
    update rows.parent set id = p_to where id = p_id;
end
$$;

create function rows.recode_parent(p_id integer, p_to integer) returns void
language plpgsql
as $$
begin
    update rows.parent set code = p_to where id = p_id;
end
$$;

create function rows.drop_parent(p_id integer) returns void
language plpgsql
as $$
begin
    delete from rows.parent where id = p_id;
end
$$;

create function rows.add_child(p_id integer, p_parent integer) returns void
language plpgsql
as $$
begin
    insert into rows.child values (p_id, p_parent);
end
$$;

create function rows.put_child(p_id integer, p_parent integer, p_other integer) returns void
language plpgsql
as $$
begin
    insert into rows.child values (p_id, p_parent)
    on conflict (id) do update set parent = p_other;
end
$$;

create function rows.move_child(p_id integer, p_parent integer) returns void
language plpgsql
as $$
begin
    update rows.child set parent = p_parent where id = p_id;
end
$$;

create function rows.see_children(p_parent integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select count(*) into v_n from rows.child where parent = p_parent;
    return v_n;
end
$$;

create function rows.add_by_code(p_id integer, p_code integer) returns void
language plpgsql
as $$
begin
    insert into rows.by_code values (p_id, p_code);
end
$$;

create function rows.add_by_domain(p_id integer) returns void
language plpgsql
as $$
begin
    insert into rows.by_domain (id) values (p_id);
end
$$;

create function rows.drop_owner(p_id integer) returns void
language plpgsql
as $$
begin
    delete from rows.owner where id = p_id;
end
$$;

create function rows.lock_owner(p_id integer) returns void
language plpgsql
as $$
begin
    perform 1 from rows.owner where id = p_id for update;
end
$$;

create function rows.drop_root(p_id integer) returns void
language plpgsql
as $$
begin
    delete from rows.root where id = p_id;
end
$$;

create function rows.count_leaf(p_id integer) returns void
language plpgsql
as $$
begin
    update rows.leaf set n = n + 1 where id = p_id;
end
$$;

create function rows.add_leaf(p_id integer, p_root integer) returns void
language plpgsql
as $$
begin
    insert into rows.leaf values (p_id, p_root);
end
$$;

create function rows.add_tree(p_id integer, p_above integer) returns void
language plpgsql
as $$
begin
    insert into rows.tree values (p_id, p_above);
end
$$;

create function rows.hang_tree(p_id integer, p_above integer) returns void
language plpgsql
as $$
begin
    update rows.tree set above = p_above where id = p_id;
end
$$;

create function rows.fell_tree(p_id integer) returns void
language plpgsql
as $$
begin
    delete from rows.tree where id = p_id;
end
$$;

create function rows.add_forced(p_id integer, p_k integer) returns void
language plpgsql
as $$
begin
    insert into rows.forced values (p_id, p_k);
end
$$;

create function rows.see_forced(p_k integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select count(*) into v_n from rows.forced where k = p_k;
    return v_n;
end
$$;

create function rows.add_counted(p_id integer, p_item integer) returns void
language plpgsql
as $$
begin
    insert into rows.counted values (p_id, p_item);
end
$$;

create function rows.add_returned(p_id integer) returns void
language plpgsql
as $$
begin
    insert into rows.returned values (p_id);
end
$$;

create function rows.see_returned(p_id integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select count(*) into v_n from rows.returned where id = p_id;
    return v_n;
end
$$;

create function rows.count_some(p_id integer) returns void
language plpgsql
as $$
begin
    update rows.some_items set n = n + 1 where id = p_id;
end
$$;

create function rows.count_base(p_id integer) returns void
language plpgsql
as $$
begin
    update rows.base set n = n + 1 where id = p_id;
end
$$;

create function rows.count_derived(p_id integer) returns void
language plpgsql
as $$
begin
    update rows.derived set n = n + 1 where id = p_id;
end
$$;

create function rows.move_range(p_id integer, p_to integer) returns void
language plpgsql
as $$
begin
    update rows.range set id = p_to where id = p_id;
end
$$;

create function rows.see_high(p_id integer) returns integer
language plpgsql
as $$
declare
    v_n integer;
begin
    select count(*) into v_n from rows.high where id = p_id;
    return v_n;
end
$$;

create function rows.add_ruled(p_id integer) returns void
language plpgsql
as $$
begin
    insert into rows.ruled values (p_id);
end
$$;

-- For a client's statement that goes on with what it returns.
create function rows.read_then(p_id integer, p_result integer) returns integer
language plpgsql
as $$
begin
    perform 1 from rows.item where id = p_id;
    return p_result;
end
$$;
