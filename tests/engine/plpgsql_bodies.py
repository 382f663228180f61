"""Random PL/pgSQL bodies that end: nested control flow over a table, a log and a few variables."""

from __future__ import annotations

from hypothesis import strategies as st

SCHEMA = """
create table t (n integer primary key, w integer);
insert into t values (1, 10), (2, 20), (3, null);
create table log (id integer generated always as identity, said text);
create function touch(p integer) returns integer language plpgsql as $$
begin
    update t set w = coalesce(w, 0) + p where n = 1 + abs(p) % 3;
    return p + 1;
end $$;
create function peek() returns boolean language plpgsql stable as $$
begin
    perform 1 from t where n = 2 and w > 20;
    return found;
end $$;
"""

HEAD = """declare
    v integer := p;
    w integer{early};
    g integer := 0;  -- how often loops went round; nothing else writes it, so they end
    d integer := 0;
    r record;
    a integer[] := '{{1, 2}}';
    s text := '';
begin
"""
TAIL = """
    return concat_ws(' ', s, v, w, g, d, a, found);
end"""

numbers = st.sampled_from(
    ["v", "1", "p", "(select count(*) from t)::integer", "a[1]", "touch(v)", "touch(touch(1))"]
)
conditions = st.sampled_from(
    [
        "v > 1",
        "v is distinct from p",
        "exists (select from t where n = v)",
        "(select sum(t.w) from t) > 40",
        "not exists (select from log where said = 'x')",
        "found",
        "peek()",
        "touch(v) > 2",
        "(case when v = 2 then true else false end)",
        "v in (select n from t) and found",
        "null",
    ]
)
simple = st.one_of(
    st.builds("v := {} % 7;".format, numbers),
    st.builds("w = {};".format, numbers),
    st.builds("a[1] := {};".format, numbers),
    st.builds("s := s || {};".format, conditions.map(lambda c: f"coalesce(({c})::text, 'null')")),
    st.builds("insert into log (said) values ('x' || {});".format, numbers),
    st.builds("update t set w = {} where n < v;".format, numbers),
    st.builds("perform {};".format, numbers),
    st.builds("perform n from t where {};".format, conditions.filter(lambda c: "found" not in c)),
    st.builds("select n, w into v, w from t where t.n = {};".format, numbers),
    st.sampled_from(
        [
            "get diagnostics d = row_count;",
            "s := s || found;",
            "execute 'update t set w = $1' using v;",
            "null;",
            "-- if true then;\n",
            "/* end; */ s := s || ';';",
            "delete from log where id = (select min(id) from log);",
        ]
    ),
)
GUARD = "g := g + 1; exit when g > 7;"


def blocks(statements: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return statements made of other statements."""
    many = st.lists(statements, min_size=1, max_size=3).map("\n    ".join)
    some = st.lists(statements, max_size=2).map(" ".join)
    leave = st.builds("{} when {};".format, st.sampled_from(["exit", "continue"]), conditions)
    return st.one_of(
        st.builds("if {} then\n{}\nend if;".format, conditions, many),
        st.builds("if {} then {} else {} end if;".format, conditions, many, some),
        st.builds(
            "if {} then {}\nelsif {} then {}\nelseif {} then {} else {} end if;".format,
            conditions,
            some,
            conditions,
            many,
            conditions,
            some,
            some,
        ),
        st.builds(
            "if {} then {} elsif {} then {} end if;".format, conditions, some, conditions, many
        ),
        st.builds(
            "case\n when {} then {}\n when {} then {} when {} then {} else {} end case;".format,
            conditions,
            some,
            conditions,
            many,
            conditions,
            some,
            some,
        ),
        st.builds(
            "case {} when 1, 2 then {} when {} then {} else {} end case;".format,
            numbers,
            some,
            numbers,
            some,
            some,
        ),
        st.builds(f"while {{}} loop {GUARD} {{}} {{}}\nend loop;".format, conditions, leave, many),
        st.builds(f"loop {GUARD} {{}} exit when {{}}; end loop;".format, many, conditions),
        st.builds("for i in 1..2 loop {} {} end loop;".format, leave, many),
        st.builds(
            f"<<l>> while {{}} loop {GUARD} for i in 1..2 loop {{}} continue l when {{}};"
            " exit l when {}; end loop; end loop l;".format,
            conditions,
            many,
            conditions,
            conditions,
        ),
        st.builds("for r in select * from t order by n loop {} end loop;".format, many),
        st.builds("foreach v in array array[{}, 2] loop {} end loop;".format, numbers, many),
        st.builds("declare v integer := {}; begin {} end;".format, numbers, many),
        st.builds(
            "begin {} raise exception 'no %', v; exception when raise_exception then {} end;".format,
            many,
            some,
        ),
        st.builds(
            "begin insert into t values (v, 1); exception when unique_violation or"
            " not_null_violation then {} end;".format,
            many,
        ),
    )


statements = st.recursive(simple, blocks, max_leaves=8)
bodies = st.builds(
    lambda early, lines, last: HEAD.format(early=early) + "\n".join(lines) + last + TAIL,
    st.sampled_from(["", " := (select max(n) from t)", " := touch(3)"]),
    st.lists(statements, min_size=1, max_size=5),
    st.sampled_from(
        ["", "\nraise exception 'ends %', v;", "\nif found then return (select 'early'); end if;"]
    ),
)
