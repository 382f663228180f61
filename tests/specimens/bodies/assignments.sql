-- call: select zoo.assigned(2)
-- call: select zoo.dynamic('t', 2)
-- call: select zoo.dynamic('t', 99)
-- call: select zoo.cursors()
-- call: select zoo.cursor_kept()
-- call: select zoo.read_through_cursor()

create function zoo.assigned(p integer) returns text
language plpgsql
as $$
declare
    a integer;
    b integer = (select w from zoo.t where n = p);
    r zoo.t;
    rec record;
    xs integer[] := '{}';
    grid integer[] := array[array[1, 2], array[3, 4]];
    "Odd "" name" text;
    js jsonb := '{}';
begin
    a := (select w from zoo.t where n = p);
    a = a + (select n from zoo.t where n = 1);
    r.v := (select v from zoo.t where n = p);
    r.n := 5;
    xs[1] := (select count(*) from zoo.t);
    xs[xs[1]] := 7;
    xs[2] = (select n from zoo.t where n = 2);
    grid[1][(select n from zoo.t where n = 2)] := 9;
    grid[1:1][1:2] := array[array[0, (select n from zoo.t where n = 3)]];
    js['a'] := to_jsonb((select v from zoo.t where n = 1));
    "Odd "" name" := (select v from zoo.t where n = 3);
    select n, v into rec from zoo.t where n = p;
    rec.v := rec.v || (select '!' from zoo.t limit 1);
    select v, w into strict r.v, a from zoo.t where n = p;
    insert into zoo.log (said) values ('x') returning said into "Odd "" name";
    update zoo.t set w = w + 1 where n = p returning w, v into a, r.v;
    return concat_ws(' ', a, b, r, xs, grid, "Odd "" name", js, rec);
end
$$;

create function zoo.dynamic(p_table text, p integer) returns text
language plpgsql
as $$
declare
    n integer;
    said text;
    rows integer;
begin
    execute format('update zoo.%I set v = $1 where n = $2', p_table) using 'dynamic', p;
    get diagnostics rows = row_count;
    execute 'select w, v from zoo.' || quote_ident(p_table) || ' where n = $1' into n, said using p;
    execute 'insert into zoo.log (said) values (''; select 1; '')';
    return concat_ws(' ', n, said, rows, found);
end
$$;

create function zoo.cursors() returns text
language plpgsql
as $$
declare
    bound cursor (low integer) for select * from zoo.t where n > low for update;
    scrolled scroll cursor for select n from zoo.t order by n;
    free refcursor;
    r record;
    x integer;
    said text := '';
begin
    for r in bound (1) loop
        said := said || r.n;
        update zoo.t set v = 'seen' where current of bound;
    end loop;
    open bound (low := 0);
    fetch bound into r;
    said := said || r.v || found;
    move next from bound;
    fetch bound into r;
    close bound;
    open scrolled;
    fetch last from scrolled into x;
    fetch prior from scrolled into x;
    said := said || x;
    close scrolled;
    open free for select n from zoo.t where v = 'seen' order by n desc;
    loop
        fetch free into x;
        exit when not found;
        said := said || x;
    end loop;
    close free;
    open free for execute 'select n from zoo.t where n = $1' using 1;
    fetch free into x;
    close free;
    return said || x;
end
$$;

create function zoo.cursor_kept() returns refcursor
language plpgsql
as $$
declare
    c refcursor := 'kept';
begin
    open c for select n from zoo.t;
    return c;
end
$$;

create function zoo.read_through_cursor() returns text
language plpgsql
as $$
declare
    c refcursor := zoo.cursor_kept();
    x integer;
    total integer := 0;
begin
    update zoo.t set n = n + 10;
    loop
        fetch next from c into x;
        exit when not found;
        total := total + x;
    end loop;
    close c;
    return total;
end
$$;
