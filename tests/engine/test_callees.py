"""Which calls touch data, where they hide, and after which of them a statement may go on to read."""

from __future__ import annotations

import pytest

from crossfoot.explorer.callees import Callees, find_callees
from crossfoot.sql import tokens

PAYS = Callees(touching=frozenset({"pay", "seen"}), quiet=frozenset({"pay"}))

OLD_SNAPSHOT = {
    "a function in the list": "select paid.n, seen() into r from pay(1) as paid",
    "a subquery in the list": "select paid.n, (select n from t) into r from pay(1) as paid",
    "a subquery in a condition": "select * into r from pay(1) where exists (select from t)",
    "another table": "select * into r from pay(1) as paid, t",
    "another table, joined": "select * into r from pay(1) as paid join t on true",
    "another table, first": "select * into r from t, pay(1)",
    "another table, after the target": "select * from pay(1) as paid into r join t on true",
    "another table behind columns": "select * into r from pay(1) as paid (n), t as u (m)",
    "a subquery in a perform": "perform n, (select n from t) from pay(1)",
    "a table in a perform": "perform pay(n) from t",
    "a subquery as an argument": "select pay((select n from t)) into r",
    "a table with a condition": "select * into r from t where pay(1) = n",
    "no source of rows": "select pay(t.n) into r from t",
    "a function of another name": "select * into r from generate_series(1, pay(1))",
    "several functions": "select * into r from rows from (pay(1), generate_series(1, 2))",
    "a common table expression": "with x as (select 1) select * into r from pay(1)",
    "a write": "insert into t select * from pay(1)",
}
NO_SNAPSHOT = {
    "select into": "select * into r from pay(1)",
    "select into with an alias": "select paid.a, paid.b into strict x, y from shop.pay(1) as paid",
    "into at the end": "select * from shop.pay(1) paid into x, y",
    "columns with types": "select n into r from pay(1) as paid (n integer, m text)",
    "is distinct from": "select a is distinct from 2 into r from pay((1 + 2) * 3)",
    "from within parentheses": "select extract(epoch from a) into r from pay(1)",
    "a loop over rows": "r in select * from pay(1)",
    "return query": "query select * from pay(1)",
    "perform": "perform * from pay(1)",
    "no rows at all": "v := pay(1)",
    "no source of rows": "select pay(1) into r",
    "no source of rows, in a perform": "perform pay(1)",
}


@pytest.mark.parametrize("statement", OLD_SNAPSHOT.values(), ids=OLD_SNAPSHOT.keys())
def test_a_statement_that_reads_besides_a_call_awaits_it(statement: str) -> None:
    assert "pay" in PAYS.awaits(tokens(statement))


@pytest.mark.parametrize("statement", NO_SNAPSHOT.values(), ids=NO_SNAPSHOT.keys())
def test_a_statement_whose_only_rows_are_those_of_a_call_does_not_await_it(statement: str) -> None:
    assert PAYS.awaits(tokens(statement)) == []


def function(name: str, body: str, volatility: str = "v", **more: object) -> dict[str, object]:
    """Return a function's row in the catalog."""
    row = {"name": name, "language": "sql", "volatility": volatility, "body": body, "atomic": False}
    return {**row, "defaults": None, "operators": [], "aggregates": [], "unwritten": False, **more}


READER = function("reader", "select n from t", "s")


def test_a_function_touches_what_the_functions_that_it_calls_touch() -> None:
    found = find_callees([function("outer", "select inner()"), function("inner", "table t")])
    assert found.touching == found.quiet == {"outer", "inner"}


def test_of_functions_with_one_name_a_harmless_one_does_not_speak_for_the_others() -> None:
    found = find_callees([function("pay", "select 1", "i"), function("pay", "delete from t")])
    assert found.touching == {"pay"}


def test_a_default_argument_that_reads_makes_a_call_touch_data_before_any_step() -> None:
    found = find_callees([READER, function("same", "select $1", "i", defaults="reader()")])
    assert found.touching == {"reader", "same"}
    assert found.touches(tokens("v := same()")) and not found.quiet


def test_operators_and_aggregates_are_calls_of_their_functions() -> None:
    more = {"operators": ["@@@"], "aggregates": ["total"]}
    found = find_callees([{**READER, **more}])
    assert found.called(tokens("v := operator(bank.@@@) 2")) == ["reader"]
    assert found.called(tokens("v := total(2)")) == ["total"]
    assert not found.touches(tokens("v := 2 @@ 3")) and not found.hidden


@pytest.mark.parametrize("how", [{"unwritten": True}, {"operators": ["<"]}])
def test_what_is_called_without_being_written_may_be_anywhere(how: dict[str, object]) -> None:
    found = find_callees([{**READER, **how}])
    assert found.touches(tokens("v := w")) and not found.touches([])
    assert not find_callees([function("harmless", "select 1", "i", **how)]).touches(
        tokens("v := w")
    )
