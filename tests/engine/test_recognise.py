"""Where a body can be stopped. A step is expected on every line that is marked with ``--!``."""

from __future__ import annotations

import textwrap

import pytest

from crossfoot.errors import ContentError
from crossfoot.explorer.callees import Callees
from crossfoot.explorer.recognise import recognise, statement_places

# pay touches data after a step of its own, owns touches data without one.
CALLEES = Callees(touching=frozenset({"pay", "owns", "Pay"}), quiet=frozenset({"pay"}))

BODIES = {
    "a statement that touches data": """
        begin
            v := 1;
            insert into t values (v);  --!
            v := v + 1;
        end
    """,
    "a condition with a query": """
        begin
            if exists (select from t) then  --!
                v := 1;
            end if;
            if v > 1 and (v < 5 or v = 9) then
                delete from t;  --!
            end if;
        end
    """,
    "an ELSIF with a query, and its ELSE": """
        begin
            if v = 1 then
                v := 2;
            elsif exists (select from t) then  --!
                v := 3;
            elseif v = 4 then
                update t set n = 1;  --!
            elsif (table t limit 1) then  --!
                v := 5;
            else
                v := 6;
            end if;
        end
    """,
    "a WHILE with a query, and one without": """
        begin
            while (select count(*) from t) < 3 loop  --!
                v := v + 1;
            end loop;
            while v < 3 loop
                v := v + 1;
            end loop;
        end
    """,
    "loops over rows, numbers and arrays": """
        begin
            for r in select * from t loop  --!
                v := r.n;
            end loop;
            for i in reverse 10..1 by 2 loop
                v := i;
            end loop;
            for i in 1..(select max(n) from t) loop  --!
                v := i;
            end loop;
            for r in execute 'select 1' loop  --!
                v := 1;
            end loop;
            foreach v in array a loop
                null;
            end loop;
            foreach v slice 1 in array (select array_agg(n) from t) loop  --!
                null;
            end loop;
        end
    """,
    "loops over a cursor": """
        declare
            c cursor (low integer) for select n from t where n > low;
            d refcursor;
        begin
            for r in c (1) loop  --!
                v := r.n;
            end loop;
            open c (2);  --!
            fetch c into v;  --!
            move next from c;  --!
            update t set n = 0 where current of c;  --!
            close c;
            open d for select 1;  --!
        end
    """,
    "labels, EXIT and CONTINUE": """
        begin
            <<outer>>
            for i in 1..3 loop
                exit outer when i = v;
                continue when exists (select from t where n = i);  --!
                <<inner>> loop
                    exit inner;
                    exit outer when (select true from t);  --!
                end loop inner;
            end loop outer;
            <<once>>
            while (select count(*) from t) < 3 loop  --!
                exit once;
            end loop;
        end
    """,
    "CASE statements": """
        begin
            case v when 1 then
                v := 2;
            else
                v := 3;
            end case;
            case (select n from t)  --!
                when 1 then v := 2;
                when 2, 3 then insert into t values (1);  --!
            end case;
            case
                when v = 1 then v := 2;
                when exists (select from t) then v := 3;  --!
                when v = 3 then v := 4;
                when (select true from t) then v := 5;  --!
                else v := 6;
            end case;
            case v  --!
                when 1 then v := 2;
                when (select 2 from t) then v := 3;
            end case;
        end
    """,
    "CASE expressions": """
        begin
            if (case when v = 1 then true else false end) then
                v := case v when 1 then 2 when 2 then 3 else case when v > 9 then 1 end end;
            elsif f(case when v = 1 then (select true from t) end) then  --!
                v := 3;
            end if;
            while case when v > 3 then false else true end loop
                v := v + 1;
            end loop;
        end
    """,
    "nested blocks whose declarations read": """
        <<whole>>
        declare
            v integer := 1;
        begin
            declare
                w integer := v;
            begin
                null;
            end;
            <<block>>  --!
            declare
                w integer := (select n from t);
                c constant text not null default 'x';
            begin
                v := w;
            end block;
            begin
                insert into t values (1);  --!
            exception
                when unique_violation or sqlstate '55P03' then
                    v := (select n from t);  --!
                when others then
                    get stacked diagnostics v = pg_exception_detail;
                    raise;
            end;
        end whole;
    """,
    "every RETURN": """
        begin
            return query select * from t;  --!
            return query execute 'select 1' using v;  --!
            return next v;
            return next (select n from t);  --!
            return (select n from t);  --!
            return v;
            return;
        end
    """,
    "PERFORM and SELECT INTO": """
        begin
            perform 1;
            perform n from t;  --!
            perform v is distinct from 2;
            select n into strict v from t where n = 1;  --!
            select 1 into v;
            select 1, (select n from t) into v, w;  --!
            with q as (select 1) select 2 into v;  --!
        end
    """,
    "assignments": """
        begin
            v := 1;
            v = 2;
            r.field := 3;
            a[1] := 4;
            a[b[1] + 1] := 5;
            a[1:2] := array[1, 2];
            r.a[1].b := 6;
            "V v" := 7;
            v := (select n from t);  --!
            v = (select n from t);  --!
            r.field := (select n from t);  --!
            a[b[1]] := (select n from t);  --!
            a[(select n from t)] := 1;  --!
            v := pay(1);
            v := owns(1);  --!
            v := pay(pay(1));  --!
            v := owns;
        end
    """,
    "what is called": """
        begin
            perform pay(1);
            perform shop.owns(1);  --!
            perform shop."Pay"(1);  --!
            perform shop."pay"(1);
            perform abs(-1);
            perform pg_advisory_xact_lock(1);  --!
            v := nextval('s');  --!
            if owns (1) then  --!
                null;
            end if;
            while pay(1) loop
                null;
            end loop;
            raise notice '%', owns(1);  --!
            raise exception using message = (select n from t);  --!
            assert v > 0, 'owns(1)';
            assert exists (select from t);  --!
            call proc(1);  --!
        end
    """,
    "EXECUTE, diagnostics and settings": """
        begin
            execute format('update %I set n = $1', 't') using 1;  --!
            execute 'select 1' into v;  --!
            get diagnostics v = row_count, w = pg_context;
            get current diagnostics v = row_count;
            set local lock_timeout = '1s';
            reset lock_timeout;
            set constraints all immediate;  --!
            lock table t in share mode;  --!
            commit;  --!
            null;
            ;
        end
    """,
    "comments and strings that look like code": """
        begin
            -- end; insert into t values (1);
            /* begin /* if */ then */
            v := 'select n from t; end if';
            v := $a$ begin insert into t; end $a$;
            v := e'it''s \\' end';
            v := U&'d\\0061t';
            insert into t values ('then'); -- the end  --!
        end
    """,
    "names that are words of the language": """
        #variable_conflict use_column
        # print_strict_params on
        begin
            v := r.select;
            v := r.case || r.end;
            if r.end > 1 then
                v := r."end";
            end if;
            v := t.update;
            insert into "loop" values (1);  --!
            "if" := 1;
            "select" := 2;
            for v in select n as "then", n as end from t loop  --!
                null;
            end loop;
            Update t SET n = 1;  --!
            INSERT INTO t VALUES (1);  --!
        END
    """,
    "more than one statement on a line, and bytes beyond ASCII": """
        begin
            v := 'žluťoučký kůň'; insert into "tábor" values ('€'); delete from t;  --!  --!
            v := '🐘';
            update t set "ďábel" = 'x';  --!
        end
    """,
}


def marked(body: str) -> list[int]:
    """Return the lines with ``--!``, as often as they have one."""
    return [
        number
        for number, line in enumerate(body.split("\n"), start=1)
        for _ in range(line.count("--!"))
    ]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_step_stands_before_every_statement_that_touches_data(body: str) -> None:
    found = recognise(body, CALLEES, return_steps=False)
    lines = sorted(edit.place.line for edit in found.edits if edit.place)
    assert lines == marked(body)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_edits_stay_on_their_lines_and_begin_where_a_token_does(body: str) -> None:
    data = body.encode()
    for edit in recognise(body, CALLEES, return_steps=True).edits:
        assert b"\n" not in data[edit.start : edit.end]
        assert "\n" not in edit.before + edit.after
        assert edit.start == 0 or data[edit.start - 1 : edit.start] in b" \n;("
        if edit.place:
            assert edit.place.line == 1 + data.count(b"\n", 0, edit.start)
            assert edit.place.offset == edit.start


def test_what_follows_a_step_is_quoted_with_single_spaces() -> None:
    body = "begin\n  insert into t\n    values   ('ž');\nend"
    (edit,) = recognise(body, CALLEES, return_steps=False).edits
    assert edit.place and edit.place.text == "insert into t values ('ž');"
    assert edit.place.kind == "statement"


def test_a_function_that_others_wait_for_also_stops_before_it_returns() -> None:
    body = textwrap.dedent("""\
        begin
            if v = 1 then
                return v;
            end if;
            return query select 1;
            return next v;
            begin
                null;
            exception when others then
                return (select 1);
            end;
        exception when others then
            null;
        end
    """)
    found = recognise(body, CALLEES, return_steps=True)
    places = [edit.place for edit in found.edits if edit.place]
    kinds = [(place.line, place.kind) for place in sorted(places, key=lambda p: p.offset)]
    assert kinds == [(3, "return"), (5, "statement"), (10, "statement"), (12, "return")]


@pytest.mark.parametrize(
    ("declared", "early"),
    [
        ("v integer := (select n from t);", True),
        ("v integer := owns(1);", True),
        ("v integer := pay(1);", False),
        ("v integer := 1; w t%rowtype; x t.n%type default 3;", False),
        ("v integer := 1; declare w integer := (table t);", True),
        ("a alias for $1; v text := 'select';", False),
    ],
)
def test_declarations_that_read_are_noticed_for_they_run_before_any_step(
    declared: str, early: bool
) -> None:
    body = f"declare {declared} begin insert into t values (1); end"
    assert recognise(body, CALLEES, return_steps=False).early is early


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("begin if v then null; end loop;", "line 1: 'if' expected, not 'loop'"),
        ("begin\n  insert into t values (1)", "line 2: ; expected before the end"),
        ("begin\n loop\n  null;\n", "line 4: end expected before the end"),
        ("select 1;", "line 1: 'begin' expected, not 'select'"),
        ("begin v := 'x; end", "not SQL"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_with_its_line(body: str, said: str) -> None:
    with pytest.raises(ContentError, match="^" + said.replace("(", r"\(")):
        recognise(body, CALLEES, return_steps=False)


def test_statements_of_an_sql_body_begin_after_comments_and_semicolons() -> None:
    body = """
-- first; comment
 update t set n = ';' ;;

 select 'ž', case when true then 1 end;
/* end */ select 2
"""
    assert [(p.line, p.text) for p in statement_places(body)] == [
        (3, "update t set n = ';'"),
        (5, "select 'ž', case when true then 1 end"),
        (6, "select 2"),
    ]
    assert all(
        body.encode()[p.offset :].startswith(p.text[:6].encode()) for p in statement_places(body)
    )
