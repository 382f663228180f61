-- call: select zoo.branches(1)
-- call: select zoo.branches(2)
-- call: select zoo.branches(3)
-- call: select zoo.branches(4)
-- call: select zoo.branches(5)
-- call: select zoo.branches(null)
-- call: select zoo.nested_branches(1, 1)
-- call: select zoo.nested_branches(2, 1)
-- call: select zoo.nested_branches(2, 2)
-- call: select zoo.nested_branches(9, 9)
-- call: select zoo.cases(1)
-- call: select zoo.cases(2)
-- call: select zoo.cases(3)
-- call: select zoo.cases(7)
-- call: select zoo.searched_cases(1)
-- call: select zoo.searched_cases(2)
-- call: select zoo.searched_cases(3)
-- call: select zoo.whiles(0)
-- call: select zoo.whiles(3)
-- call: select zoo.whiles(null)
-- call: select zoo.labels()
-- call: select zoo.loops()
-- call: select zoo.found_after_each()
-- call: select zoo.blocks(1)
-- call: select zoo.blocks(5)

create function zoo.branches(p integer) returns text
language plpgsql
as $$
declare
    said text := '';
begin
    if p = 1 then
        said := 'first';
    elsif exists (select from zoo.t where n = p and w = 20) then
        said := 'second';
    elseif p = 3 then
        said := 'third';
        insert into zoo.log (said) values ('third');
    elsif (select count(*) from zoo.t where n < p) = 3 and p = 4 then
        said := 'fourth';
    else
        said := 'else';
        update zoo.t set v = 'else' where n = 1;
    end if;
    if exists (select from zoo.log) then said := said || '!'; else said := said || '.'; end if;
    return said;
end
$$;

create function zoo.nested_branches(p integer, q integer) returns text
language plpgsql
as $$
begin
    if p = 0 then
        return 'zero';
    elsif exists (select from zoo.t where n = p) then
        if q = 0 then
            return 'q zero';
        elsif exists (select from zoo.t where n = p and n = q) then
            return 'both';
        end if;
        return 'p only';
    end if;
    return 'neither';
end
$$;

create function zoo.cases(p integer) returns text
language plpgsql
as $$
declare
    said text;
begin
    case (select w from zoo.t where n = p)
        when 10 then said := 'ten';
        when 20, 30 then
            insert into zoo.log (said) values ('twenty');
            said := 'twenty';
        else
            case p when 3 then said := 'three'; end case;
    end case;
    return case when said = 'ten' then (select v from zoo.t where n = 1) else said end;
end
$$;

create function zoo.searched_cases(p integer) returns text
language plpgsql
as $$
declare
    said text := '-';
begin
    case
        when p = 1 then said := 'one';
        when exists (select from zoo.t where n = p and w is not null) then
            update zoo.t set v = 'x' where n = p;
            said := 'with w';
        when exists (select from zoo.t where n = p) then said := 'without w';
    end case;
    return said;
end
$$;

create function zoo.whiles(p integer) returns text
language plpgsql
as $$
declare
    i integer := 0;
begin
    while (select count(*) from zoo.log) < p loop
        i := i + 1;
        continue when i = 2;
        insert into zoo.log (said) values ('round ' || i);
        exit when i > 5;
    end loop;
    while i < 9 and not (i = 7) loop i := i + 1; end loop;
    return i::text || found::text;
end
$$;

create function zoo.labels() returns text
language plpgsql
as $$
<<whole>>
declare
    i integer := 0;
    said text := '';
begin
    <<outer>>
    while (select count(*) from zoo.log) < 5 loop
        i := i + 1;
        <<rounds>>
        for i in 1..3 loop
            continue outer when i = 2 and exists (select from zoo.log where log.said = 'go on');
            exit rounds when whole.i = 3;
            said := said || whole.i || rounds.i;
            insert into zoo.log (said) values (case whole.i when 2 then 'go on' else 'x' end);
            exit outer when (select count(*) from zoo.log) > 7;
        end loop rounds;
    end loop outer;
    <<part>>
    begin
        exit part when exists (select from zoo.log);
        said := said || 'never';
    end part;
    return said;
end whole
$$;

create function zoo.loops() returns text
language plpgsql
as $$
declare
    r record;
    x integer;
    xs integer[];
    said text := '';
begin
    for r in select t.n, t.v from zoo.t order by t.n loop
        said := said || r.n || r.v;
        update zoo.t set w = coalesce(w, 0) + 1 where n = r.n;
    end loop;
    for i in reverse 9..(select count(*) from zoo.t)::integer by 3 loop said := said || i; end loop;
    for i in 1..2 loop
        said := said || i;
    end loop;
    foreach x in array (select array_agg(n order by n) from zoo.t) loop
        said := said || x;
        insert into zoo.log (said) values (x::text);
    end loop;
    foreach xs slice 1 in array array[array[1, 2], array[3, 4]] loop
        said := said || xs::text;
    end loop;
    for r in execute 'select n from zoo.t where n > $1 order by 1' using 1 loop
        said := said || r.n;
    end loop;
    for r in update zoo.t set v = upper(v) where n < 3 returning v loop
        said := said || r.v;
    end loop;
    loop
        exit when not exists (select from zoo.log);
        delete from zoo.log where id = (select min(id) from zoo.log);
        said := said || '-';
    end loop;
    return said;
end
$$;

create function zoo.found_after_each() returns boolean[]
language plpgsql
as $$
declare
    flags boolean[] := array[found];
    x integer;
begin
    update zoo.t set w = 1 where n = 99;
    flags := flags || found;
    perform 1 from zoo.t where n = 1;
    if exists (select from zoo.t where n = 99) then null; end if;
    flags := flags || found;
    perform 1 from zoo.t where n = 99;
    x := (select count(*) from zoo.t);
    flags := flags || found;
    for i in 1..2 loop null; end loop;
    while (select false) loop null; end loop;
    flags := flags || found;
    for i in 2..1 loop null; end loop;
    if x = 99 then null; elsif exists (select from zoo.t) then flags := flags || found; end if;
    select n into x from zoo.t where n = 2;
    return flags || found;
end
$$;

create function zoo.blocks(p integer) returns text
language plpgsql
as $$
declare
    outside integer := (select count(*) from zoo.t);
    said text := outside::text;
begin
    insert into zoo.t (n) values (4);
    declare
        inside constant integer not null := (select count(*) from zoo.t);
    begin
        said := said || inside;
        declare
            deeper integer := (select max(n) from zoo.t where n < p);
            other alias for said;
        begin
            other := other || coalesce(deeper::text, 'none');
        end;
    end;
    return said;
end
$$;
