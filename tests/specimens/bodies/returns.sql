-- call: select * from zoo.many(2)
-- call: select * from zoo.both(1)
-- call: select * from zoo.nothing(1)
-- call: select zoo.a_query(2)
-- call: select zoo.a_row(2)
-- call: select * from zoo.out_only(1)
-- call: select zoo.uses_all(3)
-- call: select n, zoo.a_query(n) from zoo.t order by n
-- call: select * from zoo.polymorphic(2::bigint)
-- call: select * from zoo.polymorphic('x'::text)
-- call: select zoo.variadic(1, 2, 3)
-- call: select zoo.named(b => 2, a => 1)

create function zoo.many(p integer) returns setof zoo.t
language plpgsql
as $$
declare
    r zoo.t;
begin
    return query select * from zoo.t where n < p order by n;
    return query execute 'select * from zoo.t where n > $1 order by n' using p;
    for r in select * from zoo.t order by n loop
        r.v := r.v || found;
        return next r;
    end loop;
    if not found then
        return;
    end if;
    return query update zoo.t set v = 'returned' where n = p returning *;
    return;
end
$$;

create function zoo.both(p integer) returns table (n integer, said text)
language plpgsql
as $$
#variable_conflict use_column
begin
    n := 5;
    return next;
    said := (select v from zoo.t where n = p);
    return next;
    return query with q as (select n, v from zoo.t) select n, v from q order by n desc limit 1;
    return query values (1, 'values');
end
$$;

create function zoo.nothing(p integer) returns void
language plpgsql
as $$
begin
    insert into zoo.log (said) values (p::text);
    return;
end
$$;

create function zoo.a_query(p integer) returns text
language plpgsql
as $$
begin
    return (select v from zoo.t where n = p) || (select count(*) from zoo.t);
end
$$;

create function zoo.a_row(p integer) returns zoo.t
language plpgsql
as $$
declare
    r zoo.t;
begin
    select * into r from zoo.t where n = p;
    return r;
end
$$;

create function zoo.out_only(inout p integer, out said text, out row_of zoo.t)
language plpgsql
as $$
begin
    select * into row_of from zoo.t where n = p;
    select v into said from zoo.t where n = p + 1;
    p := p * 10;
end
$$;

create function zoo.uses_all(p integer) returns text
language plpgsql
as $$
declare
    said text := zoo.a_query(1);
begin
    if zoo.a_query(2) = 'two3' and (zoo.a_row(2)).w = 20 then
        said := said || zoo.a_query(p) || zoo.a_query(1);
    end if;
    perform zoo.nothing(n) from zoo.t;
    perform zoo.nothing(7);
    while zoo.a_query(1) = 'one3' loop
        update zoo.t set v = 'uno' where n = 1;
    end loop;
    return said || (select string_agg(said, ',' order by log.id) from zoo.log);
end
$$;

create function zoo.polymorphic(p anyelement) returns table (a anyelement, b anyarray)
language plpgsql
as $$
begin
    update zoo.t set w = 5 where n = 1;
    return query select p, array[p, p];
end
$$;

create function zoo.variadic(variadic p integer[]) returns integer
language plpgsql
as $$
begin
    return (select sum(w) from zoo.t where n = any (p));
end
$$;

create function zoo.named(a integer, b integer default 5, c text default ')') returns text
language plpgsql
as $$
begin
    insert into zoo.log (said) values (a || c || b);
    return (select said from zoo.log);
end
$$;
