-- call: select zoo.sql_many(4)
-- call: select * from zoo.sql_set(2)
-- call: select zoo.sql_void(1)
-- call: select zoo.sql_atomic(5)
-- call: select zoo.sql_returned(1)
-- call: select zoo.sql_returned_row(2)
-- call: select zoo.sql_empty()
-- call: select zoo.sql_strange()
-- call: select zoo.calls_sql(1)
-- call: select n, zoo.sql_returned(n) from zoo.t order by n
-- call: call zoo.proc(6, null)
-- call: call zoo.sql_proc(7)
-- call: select zoo.owned(1)
-- call: select zoo.bare_path(1)
-- call: select zoo.silent(1)
-- call: select zoo.impatient(1)
-- call: select zoo.stable_reader(1)
-- call: select zoo.uses_stable(1)
-- call: insert into zoo.watched (id, n) values (1, 5), (2, 6)
-- call: update zoo.watched set n = n + 1
-- call: delete from zoo.watched where id = 0
-- call: insert into zoo.watched (id, n) values (9, -1)

create function zoo.sql_many(p integer) returns text
language sql
as $$
    -- an insert; and an update
    insert into zoo.t (n, v) values (p, 'sql; many');
    update zoo.t set w = 1 where n = p;
    select v || w from zoo.t where n = p;
$$;

create function zoo.sql_set(p integer) returns setof zoo.t
language sql
as 'select * from zoo.t where n < p order by n';

create function zoo.sql_void(p integer) returns void
language sql
as $$ insert into zoo.log (said) values (p::text); delete from zoo.t where n = p $$;

create function zoo.sql_atomic(p integer) returns text
language sql
begin atomic
    insert into zoo.t (n, v) values (p, case when p > 1 then 'atomic; end' else '' end);
    select v from zoo.t where n = p;
end;

create function zoo.sql_returned(p integer) returns text
language sql
return (select v || ' returned' from zoo.t where n = p);

create function zoo.sql_returned_row(p integer) returns zoo.t
language sql
return row(p, 'return', (select w from zoo.t where n = p))::zoo.t;

create function zoo.sql_empty() returns void
language sql
as '';

create function zoo.sql_strange(out a integer, out b text)
language sql
as $$ select 1, 'select 2; begin atomic' /* end */ $$;

create function zoo.calls_sql(p integer) returns text
language plpgsql
as $$
begin
    return zoo.sql_returned(p) || zoo.sql_many(8);
end
$$;

create procedure zoo.proc(in p integer, inout said text)
language plpgsql
as $$
begin
    insert into zoo.t (n, v) values (p, 'proc');
    call zoo.sql_proc(p + 1);
    said := (select string_agg(n::text, ',' order by n) from zoo.t);
end
$$;

create procedure zoo.sql_proc(p integer)
language sql
as $$ insert into zoo.t (n, v) values (p, 'sql proc'); update zoo.t set w = p where n = p; $$;

create function zoo.owned(p integer) returns text
language plpgsql
security definer
set search_path = ''
as $$
declare
    before text := pg_catalog.current_setting('search_path');
begin
    insert into zoo.log (said) values (before || pg_catalog.current_setting('search_path'));
    return (select said from zoo.log);
end
$$;

create function zoo.bare_path(p integer) returns text
language plpgsql
set search_path = zoo, pg_temp
as $$
begin
    update t set w = 3 where n = p;
    return (select w from t where n = p);
end
$$;

create function zoo.silent(p integer) returns text
language plpgsql
set client_min_messages = error
as $$
begin
    raise notice 'nobody hears this';
    update zoo.t set w = 3 where n = p;
    return current_setting('client_min_messages');
end
$$;

create function zoo.impatient(p integer) returns text
language plpgsql
set lock_timeout = '50ms'
as $$
begin
    update zoo.t set w = 3 where n = p;
    set local lock_timeout = '7ms';
    return current_setting('lock_timeout') || (select w from zoo.t where n = p);
end
$$;

create function zoo.stable_reader(p integer) returns text
language plpgsql
stable
as $$
begin
    perform 1 from zoo.t where n = p;
    return found;
end
$$;

create function zoo.uses_stable(p integer) returns text
language plpgsql
as $$
begin
    delete from zoo.t where n = p;
    if zoo.stable_reader(p) then
        return 'still there';
    end if;
    return zoo.stable_reader(2);
end
$$;

create table zoo.watched (
    id integer primary key,
    n integer not null,
    version integer not null default 1
);

create function zoo.stamp() returns trigger
language plpgsql
as $$
begin
    if tg_op = 'UPDATE' then
        new.version := old.version + (select count(*) from zoo.t);
    elsif exists (select from zoo.t where n = new.n) then
        new.version := 100;
    end if;
    if new.n < 0 then
        raise exception 'negative: %', new.n using errcode = '23514';
    end if;
    return new;
end
$$;

create function zoo.note() returns trigger
language plpgsql
as $$
begin
    insert into zoo.log (said) values (concat_ws(' ', tg_name, tg_op, tg_level, found));
    return null;
end
$$;

create trigger before_each before insert or update on zoo.watched
for each row execute function zoo.stamp();

create trigger after_each after insert or update on zoo.watched
for each row execute function zoo.note();

create trigger after_all after insert or update or delete on zoo.watched
for each statement execute function zoo.note();

create constraint trigger at_commit after insert on zoo.watched
deferrable initially deferred
for each row execute function zoo.note();
