"""Steps in strings that EXECUTE runs. ``!`` is one in SQL, ``?`` one in the body of a DO block."""

from __future__ import annotations

import pytest

from crossfoot.explorer.callees import Callees
from crossfoot.explorer.recognise import recognise

CALLEES = Callees(touching=frozenset({"pay"}), quiet=frozenset({"pay"}))

EXECUTED = {
    "one command": "execute 'insert into t values (1)';",
    "several commands": "execute 'insert into t values (1); !delete from t';",
    "quotes within": "execute 'insert into t values (''a;b'', ''''); !delete from t;' into v;",
    "with parameters": "execute 'insert into t values ($1);\n !delete from t' using v, 2;",
    "dollar quotes": "execute $x$insert into t values ('$$;'); !select n from t$x$ into strict v;",
    "a format": "execute format('insert into %I values (%L); !update %1$I set n = 1', v, 'a;b');",
    "a format without arguments": "execute format('insert into t values (1); !table t');",
    "letters beyond ascii": "execute 'insert into größe values (''é''); !delete from größe';",
    "a do block": "execute 'do $$ begin ?insert into t values (1); v := 1; ?delete from t; end $$';",
    "a do block in quotes": "execute 'do ''begin ?insert into t values (''''a''''); end''';",
    "a do block, its condition, and more": (
        "execute $x$ do language plpgsql $y$ begin\n"
        " ?if exists (select from t) then null; end if; end $y$; !table t $x$;"
    ),
    "a block in another language": "execute 'do language plperl $$ insert; into t $$; !table t';",
    "a block that can't be read": "execute 'do $$ insert into t $$';",
    "escapes": "execute E'insert into t values (\\'a\\'); delete from t';",
    "an escape string without escapes": "execute E'insert into t values (1); !delete from t';",
    "a string that is put together": "execute 'insert into t values (1); ' || 'delete from t';",
    "a variable": "execute v;",
    "no SQL": "execute 'insert into t values (''; delete from t';",
}


def stepped(body: str) -> str:
    """Return a body with its nested steps as signs; other steps are left out."""
    data, at, out = body.encode(), 0, b""
    for edit in sorted(recognise(body, CALLEES, return_steps=False).edits, key=lambda e: e.start):
        assert edit.place and bool(edit.written) == (edit.place.kind == "nested")
        if edit.written:
            assert (edit.end, edit.before, edit.after) == (edit.start, "", " ")
            sign = {"select": b"!", "assert": b"?"}[edit.written.split()[0]]
            out += data[at : edit.start] + sign
            at = edit.end
    return (out + data[at:]).decode()


@pytest.mark.parametrize("statement", EXECUTED.values(), ids=EXECUTED.keys())
def test_a_step_stands_between_the_commands_of_a_string(statement: str) -> None:
    plain = statement.replace("!", "").replace("?", "")
    body = f"begin\n{plain}\nend"
    assert stepped(body) == f"begin\n{statement}\nend"


def test_a_nested_step_says_its_line_in_the_whole_body() -> None:
    body = "begin\n  execute 'insert into t\n    values (1);\n    delete from t';\nend"
    places = [edit.place for edit in recognise(body, CALLEES, return_steps=False).edits]
    assert [(p.line, p.text, p.kind) for p in places if p] == [
        (2, "execute 'insert into t values (1); delete from t';", "statement"),
        (4, "delete from t", "nested"),
    ]


@pytest.mark.parametrize(
    ("statement", "awaited"),
    [
        ("execute 'select pay(1)' into v;", set()),
        ("execute 'select * from pay($1)' using v;", set()),
        ("execute 'select pay(n) from t';", {"pay"}),
        ("execute 'table t; select pay(1)';", set()),
        ("execute 'do $$ begin perform pay(n) from t; end $$';", {"pay"}),
        ("execute format('select pay(1)');", {"pay"}),
        ("execute 'select ' || 'pay(1)';", {"pay"}),
        ("execute v;", set()),
    ],
)
def test_calls_in_a_string_are_awaited_where_the_statement_goes_on_to_read(
    statement: str, awaited: set[str]
) -> None:
    found = recognise(f"begin {statement} end", CALLEES, return_steps=False)
    assert found.awaited == awaited
