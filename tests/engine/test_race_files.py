"""Every mistake in a race or contract file is one line that names file, line and remedy."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from explorer_ground import SPECIMENS

from crossfoot.checks.contracts import load_contract
from crossfoot.errors import ContentError
from crossfoot.explorer.race import Race, load_race
from crossfoot.scenario import draw, literal
from crossfoot.target import Target, load_target

TARGET = SPECIMENS / "gift_cards" / "target.toml"
SESSIONS = "-- @session a\nselect 1;\n-- @session b\nselect 2;\n"


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target(TARGET)


def race(target: Target, folder: Path, text: str, name: str = "r") -> Race:
    path = folder / f"{name}.race.sql"
    path.write_text(text)
    return load_race(path, target, 1)


MISTAKES = [
    # header
    ("-- titel: x\n" + SESSIONS, "r.race.sql:1: header has an unknown key 'titel:'", "title"),
    (SESSIONS, "r.race.sql: header has no 'title:' line", "Add a line '-- title: ...'"),
    ("-- title: x\n-- property: serail\n" + SESSIONS, ":2: property: 'serail' isn't one", "serial"),
    (
        "-- title: x\n-- isolation: dirty\n" + SESSIONS,
        ":2: isolation: 'dirty' isn't",
        "serializable",
    ),
    ("-- title: x\n-- compare: states\n" + SESSIONS, ":2: compare: 'states' isn't", "state"),
    ("-- title: x\n-- allow: deadlocks\n" + SESSIONS, ":2: allow: 'deadlocks' isn't", "deadlock"),
    ("-- title: x\n-- severity: hgih\n" + SESSIONS, ":2: severity: 'hgih' isn't", "critical"),
    ("-- title: x\n-- expect: no ok\n" + SESSIONS, ":2: expect: 'no ok' can't be read", "at most"),
    (
        "-- title: x\n-- expect: at most 1 ok in redeem\n" + SESSIONS,
        ":2: expect: 'redeem' is called by no session",
        "@call",
    ),
    ("-- title: x\nselect 1;\n", ":1: a race needs two sessions or more", "@session NAME"),
    # sections
    ("-- title: x\n-- @sesion a\n" + SESSIONS, ":2: unknown section '@sesion'", "@session"),
    ("-- title: x\n-- @session a\nselect 1;\n", "two sessions or more", "@session NAME"),
    ("-- title: x\n-- @session a\n" + SESSIONS, ":2: session a sends nothing", ""),
    (
        "-- title: x\n" + SESSIONS + "-- @session a\nselect 3;",
        ":6: two sessions are called 'a'",
        "",
    ),
    ("-- title: x\n-- @setup\nselect 'open;\n" + SESSIONS, ":2: below @setup: not SQL", "quote"),
    # values
    (
        "-- title: x\n-- @values a uid\n" + SESSIONS,
        ":2: @values wants 'name type', not 'a uid'",
        "uuid",
    ),
    (
        "-- title: x\n-- @values a uuid,\n" + SESSIONS,
        ":2: @values wants 'name type', not ''",
        "uuid",
    ),
    ("-- title: x\n-- @values A uuid\n" + SESSIONS, ":2: @values wants 'name type'", "lower case"),
    ("-- title: x\n-- @values a uuid, a text\n" + SESSIONS, ":2: @values has 'a' twice", ""),
    ("-- title: x\n-- @values a uuid\nselect 1;\n" + SESSIONS, ":2: SQL below @values", ""),
    (
        "-- title: x\n-- @values a uuid\n-- @setup\nselect 1;\nselect\n  :b;\n" + SESSIONS,
        ":5: unknown value ':b'",
        "Known here: a.",
    ),
    ("-- title: x\n" + SESSIONS + "-- @state\nselect :b;\n", ":7: unknown value ':b'", "@values"),
    ("-- title: x\n" + SESSIONS + "select :b;\n", ":6: unknown value ':b'", "@let"),
    # what stands above a statement
    (
        "-- title: x\n-- @session a\n-- @call reedem\nselect 1;\n",
        ":3: no operation 'reedem'",
        "Operations of gift_cards: redeem, transfer.",
    ),
    ("-- title: x\n-- @call redeem\n" + SESSIONS, ":2: @call outside of a session", ""),
    (
        "-- title: x\n-- @setup\n-- @let v\nselect 1;\n" + SESSIONS,
        ":3: @let outside of a session",
        "",
    ),
    (
        "-- title: x\n-- @session a\nselect 1;\n-- @call redeem\n-- @session b\nselect 2;\n",
        ":4: no statement follows @call",
        "above",
    ),
    ("-- title: x\n" + SESSIONS + "-- @let v", ":6: no statement follows @let", ""),
    (
        "-- title: x\n-- @session a\n-- @call redeem\n-- @call redeem\nselect 1;\n",
        ":4: @call twice for one statement",
        "",
    ),
    ("-- title: x\n-- @session a\n-- @let\nselect 1;\n", ":3: @let wants a name", "a-z"),
    ("-- title: x\n-- @session a\n-- @let two words\nselect 1;\n", ":3: @let wants a name", "a-z"),
    (
        "-- title: x\n-- @values v uuid\n-- @session a\n-- @let v\nselect 1;\n",
        ":4: @let wants a name of its own, not 'v'",
        "@values are taken",
    ),
    (
        "-- title: x\n-- @session a\n-- @let v\nselect 1;\n-- @session b\nselect :v;\n",
        ":6: unknown value ':v'",  # of another session
        "Known here: none",
    ),
    # transactions
    ("-- title: x\n-- @setup\nselect 1;\nbegin;\n" + SESSIONS, ":4: begin in @setup", "one"),
    (
        "-- title: x\n-- @session a\nbegin;\nselect 1;\n-- @session b\n",
        ":2: session a: begin without",
        "",
    ),
    ("-- title: x\n-- @session a\nbegin;\nbegin;\n", ":4: begin inside of a transaction", ""),
    ("-- title: x\n-- @session a\nbegin;\ncommit;\n", ":4: an empty transaction", ""),
    ("-- title: x\n-- @session a\nselect 1;\ncommit;\n", ":4: commit without begin", "of its own"),
    (
        "-- title: x\n-- @session a\nBEGIN ISOLATION LEVEL SERIALIZABLE;\n",
        ":3: begin takes no options",
        "-- isolation: ...",
    ),
    (
        "-- title: x\n-- @session a\n-- @call redeem\nbegin;\n",
        ":4: @call and @let are about",
        "down",
    ),
    (
        "-- title: x\n-- @session a\nbegin; select 1;\nrollback;\n",
        ":4: a session can't end",
        "first error",
    ),
]


@pytest.mark.parametrize(("text", "said", "remedy"), MISTAKES)
def test_a_mistake_in_a_race_names_file_line_and_remedy(
    target: Target, tmp_path: Path, text: str, said: str, remedy: str
) -> None:
    with pytest.raises(ContentError) as raised:
        race(target, tmp_path, text)
    assert raised.value.message.startswith("r.race.sql:")
    assert said in raised.value.message
    assert "\n" not in raised.value.message
    assert remedy in raised.value.remedy


@pytest.mark.parametrize("name", ["two-buyers", "Two", "räce", "a b"])
def test_a_file_name_that_no_token_can_hold_is_refused(
    target: Target, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ContentError, match="a file name is made of a-z, 0-9 and _") as raised:
        race(target, tmp_path, "-- title: x\n" + SESSIONS, name)
    assert "tokens" in raised.value.remedy


@pytest.mark.parametrize(
    "spelt", ["--@session b", "--  @session b", "  -- @session b", "--\t@session b"]
)
def test_a_section_is_one_however_it_is_spaced(target: Target, tmp_path: Path, spelt: str) -> None:
    """It would pass for a comment, and what follows would silently belong to the section above."""
    found = race(target, tmp_path, f"-- title: x\n-- @session a\nselect 1;\n{spelt}\nselect 2;\n")
    assert [session.name for session in found.sessions] == ["a", "b"]


def test_a_race_reads_as_it_is_written(target: Target, tmp_path: Path) -> None:
    found = race(
        target,
        tmp_path,
        """\
-- title:  Two at
--           once
-- detects: lost update, first_touch
-- expect: at most 1 ok in redeem
-- expect: exactly 0 error
-- isolation: repeatable read
-- allow: deadlock
-- compare: state
--
-- What it is about.
-- @values card uuid, n integer, key text, big bigint
-- @setup
-- a comment; with a semicolon
insert into t values (:card, :n, ':n', 'a:n', x::text, a[1:2]);
select 1;
-- @session first
start transaction;
-- @call redeem
-- @let balance
select gift.redeem(:card, :n);
savepoint s;
rollback to s;
select :balance, :'balance', :key;
COMMIT;
select 3;
-- @session
select :big;
-- @state
select 1;
select 2 as two;
""",
    )
    assert (found.title, found.about) == ("Two at once", "What it is about.")
    assert found.detects == ("lost update", "first_touch")
    assert [(e.bound, e.count, e.outcome, e.operation) for e in found.expectations] == [
        ("at most", 1, "ok", "redeem"),
        ("exactly", 0, "error", None),
    ]
    assert (found.isolation, found.allow_deadlock, found.state_only) == (
        "repeatable read",
        True,
        True,
    )
    card, n = found.values["card"], found.values["n"]
    assert found.setup == (
        f"insert into t values ('{card}'::uuid, {n}::integer, ':n', 'a:n', x::text, a[1:2]);\nselect 1"
    )
    assert found.setup_lines == (14, 15)
    assert [session.name for session in found.sessions] == ["first", "session 2"]
    first, last = found.sessions[0].transactions
    assert [call.line for call in first] == [20, 21, 22, 23]
    assert (first[0].operation, first[0].keep) == ("redeem", "balance")
    assert first[0].query.text == f"select gift.redeem('{card}'::uuid, {n}::integer)"
    assert first[3].query.names == ("balance",)
    assert first[3].query.text.startswith("select $1, :'balance', 'key-7")
    assert [call.query.text for call in last] == ["select 3"]
    assert [(query.text, query.line) for query in found.state] == [
        ("select 1", 29),
        ("select 2 as two", 30),
    ]


def test_drawn_values_are_the_same_for_a_seed_ascend_and_differ_between_seeds() -> None:
    types = {"a": "uuid", "b": "uuid", "n": "bigint", "m": "integer", "t": "text"}
    one, again, other = draw(types, 1), draw(types, 1), draw(types, 2)
    assert one == again
    assert all(one[name] != other[name] for name in types)
    a, b = one["a"], one["b"]
    assert isinstance(a, uuid.UUID) and isinstance(b, uuid.UUID) and a < b and str(a) < str(b)
    assert a.version == 4
    for seed in range(200):
        m, n = draw(types, seed)["m"], draw(types, seed)["n"]
        assert isinstance(m, int) and 1_700_000_000 <= m < 2**31
        assert isinstance(n, int) and 6_999_999_999 < n < 2**63


def test_literals_are_quoted() -> None:
    assert literal("it's") == "'it''s'"
    assert (literal(None), literal(-3)) == ("null", "-3")


CONTRACT_MISTAKES = [
    ("-- @expect okay\nselect 1;\n", ":2: @expect 'okay'", "ok, refused, error, retryable"),
    ("-- @call reedem\nselect 1;\n", ":2: no operation 'reedem'", "redeem"),
    ("-- @session a\nselect 1;\n", ":2: unknown section '@session'", "@setup"),
    ("select 1;\n", ":1: expects nothing", "@expect ok"),
    ("-- @setup\nselect 1;\n", ":1: expects nothing", "@check"),
    ("-- @expect ok\nselect :a;\n", ":3: unknown value ':a'", "@let"),
    ("-- @expect ok\nselect 1;\n-- @expect ok\n", ":4: no statement follows @expect", "above"),
    ("-- @expect ok\n-- @expect ok\nselect 1;\n", ":3: @expect twice for one statement", ""),
    ("-- @check\nselect true;\n", ":2: @check wants a sentence", "makes sure"),
    ("-- @let 1x\nselect 1;\n", ":2: @let wants a name", "a-z"),
    ("-- @as nobody\n-- @expect ok\nselect 1;\n", ":2: @as: no role 'nobody'", "superuser"),
    ("-- @expect ok\nselect 'open;\n", ":2: below @expect: not SQL", "quote"),
]


@pytest.mark.parametrize(("text", "said", "remedy"), CONTRACT_MISTAKES)
def test_a_mistake_in_a_contract_names_file_line_and_remedy(
    target: Target, tmp_path: Path, text: str, said: str, remedy: str
) -> None:
    path = tmp_path / "c.contract.sql"
    path.write_text("-- title: x\n" + text)
    with pytest.raises(ContentError) as raised:
        load_contract(path, target, 1)
    assert raised.value.message.startswith("c.contract.sql:")
    assert said in raised.value.message
    assert remedy in raised.value.remedy


def test_a_severity_that_is_none_is_refused_in_a_contract(target: Target, tmp_path: Path) -> None:
    path = tmp_path / "c.contract.sql"
    path.write_text("-- title: x\n-- severity: grave\n-- @expect ok\nselect 1;\n")
    with pytest.raises(ContentError, match=r"c\.contract\.sql:2: severity: 'grave' isn't one"):
        load_contract(path, target, 1)
