-- call: select zoo.guarded(1)
-- call: select zoo.guarded(2)
-- call: select zoo.guarded(0)
-- call: select zoo.guarded(9)
-- call: select zoo.raises(1)
-- call: select zoo.raises(2)
-- call: select zoo.raises(3)
-- call: select zoo.raises(4)
-- call: select zoo.raises(5)
-- call: select zoo.raises(6)
-- call: select zoo.calls_raises(2)
-- call: select zoo.diagnosed()
-- call: select zoo.strict(1)
-- call: select zoo.strict(99)
-- call: select zoo.unfinished(1)
-- call: select zoo.unfinished(2)
-- call: select zoo.asserts(1)
-- call: select zoo.asserts(99)
-- call: select zoo.raw(1)

create function zoo.guarded(p integer) returns text
language plpgsql
as $$
declare
    said text := '';
begin
    begin
        insert into zoo.log (said) values ('kept?');
        insert into zoo.t (n, v) values (p, (10 / p)::text);
        said := 'inserted';
    exception
        when unique_violation then
            said := 'there: ' || (select v from zoo.t where n = p);
            update zoo.t set v = 'there' where n = p;
        when sqlstate '22012' or foreign_key_violation then
            insert into zoo.log (said) values ('zero');
            said := sqlstate || sqlerrm;
    end;
    begin
        raise exception using errcode = 'ZZ001', message = 'mine';
    exception when others then
        said := said || ' ' || sqlstate;
    end;
    return said || (select count(*) from zoo.log)::text;
end
$$;

create function zoo.raises(p integer) returns void
language plpgsql
as $$
begin
    if p = 1 then
        raise exception 'one %', (select v from zoo.t where n = 1)
            using errcode = 'P0042', detail = 'in detail', hint = 'a hint';
    elsif p = 2 then
        insert into zoo.t (n) values (1);
    end if;
    perform 1 / (select count(*) - 3 from zoo.t) where p = 3;
    for i in 1..1 loop
        if exists (select from zoo.t) then
            update zoo.t
            set n = null
            where n = p - 3;
        end if;
    end loop;
    begin
        perform p / (p - 5);
    exception when division_by_zero then
        raise;
    end;
    execute 'select nothing from zoo.nowhere';
end
$$;

create function zoo.calls_raises(p integer) returns void
language plpgsql
as $$
declare
    nothing text;
begin
    update zoo.t set v = 'changed';
    nothing := zoo.raises(p);
end
$$;

create function zoo.diagnosed() returns text
language plpgsql
as $$
declare
    n integer;
    said text := '';
    context text;
    state text;
    message text;
begin
    update zoo.t set v = 'x' where zoo.t.n < 3;
    get diagnostics n = row_count;
    said := said || n;
    perform * from zoo.t;
    if exists (select from zoo.t where zoo.t.n = 1) then
        get diagnostics n = row_count;
    end if;
    said := said || n;
    delete from zoo.t where zoo.t.n > 5;
    n := (select 7);
    get current diagnostics n = row_count, context = pg_context;
    said := said || n || context;
    begin
        insert into zoo.t (n) values (1);
    exception when others then
        get stacked diagnostics state = returned_sqlstate, message = message_text,
            context = pg_exception_context;
        said := said || state || message || context;
    end;
    return said;
end
$$;

create function zoo.strict(p integer) returns text
language plpgsql
as $$
#print_strict_params on
declare
    r zoo.t%rowtype;
begin
    select * into strict r from zoo.t where n = p;
    return r.v;
end
$$;

create function zoo.unfinished(p integer) returns integer
language plpgsql
as $$
begin
    if p = 1 then
        return (select w from zoo.t where n = 1);
    end if;
    update zoo.t set w = 0;
end
$$;

create function zoo.asserts(p integer) returns text
language plpgsql
as $$
begin
    assert exists (select from zoo.t where n = p), 'no such row: ' || p;
    return 'there';
end
$$;

create function zoo.raw(p integer) returns text
language plpgsql
as $$
begin
    raise notice 'n is % of %', p, (select count(*) from zoo.t);
    raise warning 'a warning' using hint = (select v from zoo.t where n = 1);
    insert into zoo.log (said) values ('raw');
    raise info 'rows: %', (select count(*) from zoo.log);
    return 'told';
end
$$;
