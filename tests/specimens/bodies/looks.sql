-- call: select zoo.looks_like_code()
-- call: select zoo.unicode('ž')
-- call: select zoo.one_line(2)
-- call: select zoo."Mixed Case"(1)
-- call: select zoo.quoted_body(1)
-- call: select zoo.conflict_column(1)
-- call: select zoo.conflict_variable(1)
-- call: select zoo.keywords()
-- call: select zoo.crlf(1)

create function zoo.looks_like_code() returns text
language plpgsql
as $body$
declare
    a text := 'begin; end if; -- not a comment';
    b text := $$ insert into zoo.t values (1); end; $$;
    c text := $x$ if 1 then $$ nested $$ $x$;
    d text := e'it''s \' ; end \\';
begin -- begin; select 1; end
    /* if true then /* nested */ delete from zoo.t; */
    a := a || b; -- end if; $$
    insert into zoo.log (said) values (a || ';' || c); /* ; */ update zoo.t set v = $q$;'$q$
    where n = 1;
    return a || b || c || d || (select string_agg(v, ';' order by n) from zoo.t);
end -- end
$body$;

create function zoo.unicode(p text) returns text
language plpgsql
as $$
declare
    "žluťoučký" text := '€🐘'; v text := U&'d\0061t\+000061';
begin
    "žluťoučký" := "žluťoučký" || p; insert into zoo.log (said) values ("žluťoučký" || 'ů;'); update zoo.t set v = '漢字' where n = 1;
    if 'ě' = (select left(said, 1) from zoo.log) then return 'no'; elsif (select v from zoo.t where n = 1) = '漢字' then return "žluťoučký" || v; end if;
    return 'none';
end
$$;

create function zoo.one_line(p integer) returns text language plpgsql as $$declare v text;begin select t.v into v from zoo.t where n=p;if found then update zoo.t set w=0 where n=p;elsif exists(select from zoo.t)then v:='none';end if;while(select sum(w)from zoo.t)<0 loop null;end loop;return v;end$$;

create function zoo."Mixed Case"("P One" integer) returns text
language plpgsql
as $$
DECLARE
    "End" text;
BEGIN
    SELECT v INTO "End" FROM "zoo"."t" WHERE n = "P One";
    IF "End" = 'one' THEN RETURN "End" || zoo."Mixed Case"(2); ElsIf (SELECT TRUE) THEN RETURN 'rest'; END IF;
END
$$;

create function zoo.quoted_body(p integer) returns text
language plpgsql
as '
begin
    insert into zoo.log (said) values (''it''''s $function$ quoted'');
    return (select said from zoo.log) || p;
end
';

create function zoo.conflict_column(n integer) returns text
language plpgsql
as $$
#variable_conflict use_column
begin
    update zoo.t set w = n where n = 2;
    return (select string_agg(w::text, ',' order by n) from zoo.t);
end
$$;

create function zoo.conflict_variable(n integer) returns text
language plpgsql
as $$
#variable_conflict use_variable
#print_strict_params off
begin
    update zoo.t set w = n where n = 2;
    return (select count(*) from zoo.t where w = n);
end
$$;

create function zoo.keywords() returns text
language plpgsql
as $$
declare
    r record;
    query text := 'q';
    next text := 'n';
    said text := '';
begin
    for r in select 1 as "loop", 2 as "then", n as end from zoo.t order by n loop
        said := said || r."loop" || r."then" || r.end;
        if r.end > 1 and (case when r.end = 2 then true else r.end = 3 end) then
            said := said || case r.end when 2 then (select 'two') else 'x' end;
        end if;
    end loop;
    next := (select 'exc');
    return said || query || next;
end
$$;
create function zoo.crlf(p integer) returns text
language plpgsql
as $$
begin
    update zoo.t set v = 'x' where n = p;
    -- then
    if exists (select from zoo.t) then
        return 'yes';
    end if;
end
$$;
