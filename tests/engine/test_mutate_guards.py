"""Which guards are found in a function's body, and what stands there without them."""

from __future__ import annotations

import pytest

from crossfoot.mutate.guard import Guard
from crossfoot.mutate.guards import find_guards
from crossfoot.mutate.scan import Body, body_of
from crossfoot.sql import statements

_TURNED = "order by case when"


def body(inner: str, language: str = "plpgsql") -> Body:
    text = f"create function f(a integer) returns void language {language} as $$\n{inner}\n$$;"
    found = body_of(statements(text)[0])
    assert found
    return found


def guards(inner: str, language: str = "plpgsql") -> list[Guard]:
    return find_guards(body(inner, language))


def said(inner: str, language: str = "plpgsql") -> list[tuple[str, str, str]]:
    return [(each.kind, each.name, each.without) for each in guards(inner, language)]


def block(*statements: str) -> str:
    return "begin\n" + "\n".join(f"    {each};" for each in statements) + "\nend"


@pytest.mark.parametrize(
    "clause",
    [
        "for update",
        "for no key update",
        "for share of t",
        "for key share of s.t, u",
        "FOR UPDATE OF t",
    ],
)
def test_a_row_lock_is_a_guard_with_all_its_words(clause: str) -> None:
    found = guards(block(f"select x into v from s.t {clause}"))
    assert [(each.kind, each.name.lower()) for each in found] == [("row lock", clause.lower())]
    assert found[0].without == ""


def test_nowait_and_skip_locked_are_guards_of_their_own() -> None:
    assert said(block("select x into v from t for update nowait")) == [
        ("row lock", "for update nowait", ""),
        ("nowait", "nowait", ""),
    ]
    assert said(block("perform x from t for update of t skip locked"))[1:] == [
        ("row lock", "for update of t skip locked", ""),
        ("skip locked", "skip locked", ""),
    ]


def test_two_locks_of_one_select_are_two_guards() -> None:
    found = said(block("select x into v from t, u for update of t for share of u"))
    assert [name for _, name, _ in found] == ["for update of t", "for share of u"]


def test_a_loop_over_a_variable_called_share_is_no_lock() -> None:
    assert said(block("for share in 1..2 loop null; end loop")) == []


def test_the_order_in_which_rows_are_locked_is_turned_round_for_every_other_session() -> None:
    found = guards(block("select x into v from t order by t.id, t.x for update"))
    order = next(each for each in found if each.kind == "order of locks")
    assert order.name == "order by t.id, t.x"
    assert order.without.startswith(_TURNED)
    assert order.without.endswith("then t.id end , t.id desc, t.x")
    assert order.probe.endswith("offset crossfoot_probe.begins()")


def test_a_descending_order_is_turned_round_too() -> None:
    found = guards(block("select x into v from t order by t.id desc for update"))
    assert found[0].without.endswith("then t.id end desc, t.id")


def test_an_order_that_can_not_be_turned_round_is_taken_away() -> None:
    found = guards(block("for r in select distinct x.a from x order by x.a loop null; end loop"))
    assert [(each.kind, each.without) for each in found] == [("order of locks", "")]
    assert found[0].probe.endswith("limit 1")
    found = guards(block("select x into v from t order by 1 for update"))
    assert found[0].without == ""


def test_the_order_of_what_is_inserted_or_looped_over_counts_and_no_other() -> None:
    inserted = guards(block("insert into t (a) select u.a from u order by u.a"))
    assert [each.name for each in inserted] == ["order by u.a"]
    assert guards(block("select array_agg(x order by x) into v from t")) == []
    assert guards(block("select x into v from t order by x limit 1")) == []


def test_an_on_conflict_clause_ends_before_returning() -> None:
    found = said(
        block(
            "insert into t (a) values (1) on conflict (a) where a > 0 do update set a = 2"
            " returning a into v"
        )
    )
    assert found[0] == (
        "on conflict",
        "on conflict (a) where a > 0 do update set a = 2",
        "",
    )
    assert found[1] == ("where", "where a > 0", "true")


def test_each_condition_that_and_joins_is_a_guard() -> None:
    found = said(
        block(
            "update t set a = 1 where b = 1 and c between 2 and 3"
            " and exists (select from u where d and e) and (f or g)"
        )
    )
    assert [name for _, name, _ in found] == [
        "where b = 1",
        "where c between 2 and 3",
        "where exists (select from u where d and e)",
        "where d",
        "where e",
        "where (f or g)",
    ]
    assert {without for _, _, without in found} == {"true"}


def test_conditions_that_or_joins_are_one_guard() -> None:
    found = said(block("delete from t where a and b or c"))
    assert found == [("where", "where a and b or c", "true")]


def test_the_probe_of_a_condition_fires_where_the_others_leave_it_to_decide() -> None:
    probe = guards(block("delete from t where a = 1 and b = 2"))[0].probe
    words = " ".join(probe.split())
    assert words == "((a = 1 ) is true or ((b = 2 ) and crossfoot_probe.fires()))"


def test_a_condition_that_raises_never_holds_and_each_part_is_a_guard() -> None:
    inner = block("if a is null or a <= 0 then raise exception 'no'", "end if")
    assert said(inner) == [
        ("branch", "if a is null", "false"),
        ("branch", "if a <= 0", "false"),
    ]


def test_a_condition_that_acts_holds_always() -> None:
    inner = block("if a > 0 and found then update t set a = 1", "end if")
    assert said(inner) == [("branch", "if a > 0", "true"), ("branch", "if found", "true")]


@pytest.mark.parametrize(
    ("branch", "without"),
    [
        ("return", "false"),
        ("return next; return", "false"),
        ("update t set a = case when b then 1 else 2 end; return 1", "false"),
        ("if b then c := 1; else c := 2; end if; return 1", "false"),
        ("raise notice 'only says so'", "true"),
        ("return next", "true"),
        ("if b then return 1; end if", "true"),
        ("c := 1; else return 2", "true"),
        ("c := 1; elsif b then return 2", "true"),
    ],
)
def test_what_a_branch_does_decides_what_its_condition_becomes(branch: str, without: str) -> None:
    found = said(block(f"if a then {branch}; end if"))
    first = next(each for each in found if each[1] == "if a")
    assert first == ("branch", "if a", without)


def test_elsif_and_exit_when_and_continue_when_are_branches() -> None:
    inner = block(
        "loop if a then b := 1; elsif b = 1 then return; end if",
        "exit when c or d",
        "continue outer_loop when e; end loop",
    )
    assert [(name, without) for _, name, without in said(inner)] == [
        ("if a", "true"),
        ("elsif b = 1", "false"),
        ("exit when c", "false"),
        ("exit when d", "false"),
        ("continue when e", "false"),
    ]


def test_each_when_of_a_case_is_a_guard() -> None:
    inner = block(
        "v := case when a or b then 1 when c then case d when 'x' then 2 when 'y' then 3 end end"
    )
    assert [(name, without) for _, name, without in said(inner)] == [
        ("when a", "false"),
        ("when b", "false"),
        ("when c", "false"),
        ("when 'x'", "null"),
        ("when 'y'", "null"),
    ]


def test_a_case_statement_ends_with_its_end_case() -> None:
    inner = block("case when a then b := 1; else b := 2; end case", "exit when c")
    assert [name for _, name, _ in said(inner)] == ["when a", "exit when c"]


def test_strict_and_perform_and_lock_are_guards() -> None:
    inner = block(
        "select a into strict v from t",
        "perform s.check_it(a)",
        "lock table t in share mode",
    )
    assert said(inner) == [
        ("row count", "into strict v", ""),
        ("perform", "perform s.check_it(a)", "null"),
        ("lock", "lock table t in share mode", "null"),
    ]


def test_a_call_that_can_raise_nothing_has_no_probe() -> None:
    inner = block("perform s.lock_it(a)")
    assert find_guards(body(inner), lambda name: name == "lock_it")[0].probe
    assert find_guards(body(inner), lambda name: False)[0].probe == ""


def test_words_in_comments_strings_and_names_are_no_guards() -> None:
    inner = """begin
        -- select x from t where a for update; if b then raise; end if
        /* on conflict do nothing, order by x for share */
        v := 'where a and b for update on conflict do nothing';
        v := $q$ case when a then b end $q$;
        execute 'select 1 from t where a for update nowait';
        "where" := "for update".a + t."order by";
    end"""
    assert said(inner) == []


def test_a_comment_inside_a_guard_goes_with_it() -> None:
    inner = "begin\n    delete from t where a -- only this\n        = 1;\nend"
    found = guards(inner)[0]
    assert found.name == "where a = 1"
    assert "-- only this" in body(inner).data[found.start : found.end].decode()


def test_a_guard_has_the_line_of_its_file() -> None:
    text = "create table t (a int);\n\ncreate function f() returns void language sql as $$\n\n"
    text += "    delete from t\n    where a = 1;\n$$;"
    found = body_of(statements(text)[1])
    assert found
    assert [each.line for each in find_guards(found)] == [6]


def test_offsets_are_bytes_so_that_letters_of_two_bytes_shift_nothing() -> None:
    inner = block("v := 'größer'", "delete from t where a = 'ä' and b")
    found = body(inner)
    for guard in find_guards(found):
        text = found.data[guard.start : guard.end].decode()
        assert text in {"a = 'ä'", "b"}


def test_functions_of_sql_and_begin_atomic_have_guards_too() -> None:
    assert said("select a from t where b for update", "sql") == [
        ("where", "where b", "true"),
        ("row lock", "for update", ""),
    ]
    text = "create function f() returns int begin atomic delete from t where a; select 1; end"
    found = body_of(statements(text)[0])
    assert found
    assert [each.name for each in find_guards(found)] == ["where a"]


def test_other_languages_and_other_statements_hold_none() -> None:
    assert guards("if a: raise ValueError", "plpython3u") == []
    assert body_of(statements("create table t (a int check (a > 0))")[0]) is None
    assert (
        body_of(statements("create function f() returns int language sql as 'select 1'")[0]) is None
    )
