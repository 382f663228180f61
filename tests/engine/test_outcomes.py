"""When two schedules ended alike: generated values, times and orders don't count, all else does."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossfoot.explorer.outcomes import Masks, Shape, kept_transactions, unordered
from crossfoot.explorer.race import Call, Race, Session
from crossfoot.explorer.trace import CallResult, Trace
from crossfoot.sql import Query
from crossfoot.verdicts import Outcome

CALL = Call(Query("select 1", ()), "select 1", 1)
REAL = "00010000-0000-4000-8000-000000000001"
OTHER = "00020000-0000-4000-8000-000000000001"
G1, G2, G3, G4 = (f"{n:08x}-1111-4111-8111-111111111111" for n in (11, 22, 33, 44))


def race(
    *, sessions: int = 1, transactions: int = 1, setup: str = "", state_only: bool = False
) -> Race:
    return Race(
        name="r",
        title="",
        file="r.race.sql",
        about="",
        sessions=tuple(Session(f"s{n}", ((CALL,),) * transactions) for n in range(sessions)),
        setup=setup,
        state=(),
        expectations=(),
        values={"real": REAL, "other": OTHER},
        state_only=state_only,
    )


def ended(*rows: tuple[str, dict[str, object]], results: Sequence[CallResult] = ()) -> Trace:
    """Return a schedule that left these (table, row) and whose first session got these results."""
    trace = Trace()
    trace.state = [(table, json.dumps(row)) for table, row in rows]
    trace.transactions = [[[result] for result in results]]
    return trace


def got(*values: str | None, outcome: Outcome = Outcome.OK) -> CallResult:
    return CallResult(CALL, outcome, ("value",), tuple((value,) for value in values))


def shape(trace: Trace, masks: Masks | None = None, given: Race | None = None) -> Shape:
    given = given or race(transactions=max(1, len(trace.transactions[0])))
    upto = [len(session) for session in trace.transactions]
    return (masks or Masks(given)).shape(trace, given, upto)


def alike(a: Trace, b: Trace) -> bool:
    """Say whether two schedules compare equal; equal fingerprints must say so too."""
    same = shape(a) == shape(b)
    masks = Masks(race())
    if masks.fingerprint(a) == masks.fingerprint(b):
        assert same
    return same


def test_the_order_of_rows_is_no_difference() -> None:
    one, two = ("t", {"id": REAL, "n": 1}), ("t", {"id": OTHER, "n": 2})
    assert alike(ended(one, two), ended(two, one))
    assert alike(ended(results=[got("a", "b")]), ended(results=[got("b", "a")]))
    assert not alike(ended(one, two), ended(one, two, two))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ([1, 2, 2], [2, 1, 2]),
        ([[1, 2], [3]], [[3], [2, 1]]),
        ({"x": ["b", "a"], "y": None}, {"y": None, "x": ["a", "b"]}),
    ],
)
def test_the_order_within_arrays_is_no_difference(a: object, b: object) -> None:
    assert alike(ended(("t", {"v": a})), ended(("t", {"v": b})))
    assert alike(ended(results=[got(json.dumps(a))]), ended(results=[got(json.dumps(b))]))


def test_an_array_with_another_element_is_a_difference() -> None:
    assert not alike(ended(("t", {"v": [1, 2, 2]})), ended(("t", {"v": [1, 1, 2]})))
    assert alike(ended(results=[got("{b,a}")]), ended(results=[got("{a,b}")]))
    assert not alike(ended(results=[got("{a,b}")]), ended(results=[got("{a,c}")]))


def test_an_array_of_generated_ids_is_ordered_by_what_they_mean() -> None:
    def answer(first: str, second: str) -> Trace:
        return ended(
            ("t", {"id": first, "owner": REAL}),
            ("t", {"id": second, "owner": OTHER}),
            results=[got(f"{{{first},{second}}}")],
        )

    assert alike(answer(G1, G2), answer(G2, G1))
    assert alike(answer(G1, G2), answer(G4, G3))


def test_text_that_only_looks_like_an_array_stays() -> None:
    for text in ("{", "{b", "[b,a", '{"b",a}', "{{b},{a}}", "[", "x{b,a}"):
        assert unordered(text) == text


@pytest.mark.parametrize("values", [(G1, G2), (G2, G1), (G3, G4)])
def test_generated_ids_compare_by_what_they_are_linked_to(values: tuple[str, str]) -> None:
    def sold(p: str, q: str, first: str, second: str) -> Trace:
        return ended(
            ("purchase", {"id": p, "buyer": REAL}),
            ("purchase", {"id": q, "buyer": OTHER}),
            ("item", {"name": "x", "purchase": first}),
            ("item", {"name": "y", "purchase": second}),
        )

    p, q = values
    right = sold(G1, G2, G1, G2)
    assert alike(right, sold(p, q, p, q))
    assert not alike(right, sold(p, q, q, p))
    assert not alike(right, sold(p, q, p, p))
    assert not alike(right, sold(p, q, p, G4 if G4 not in values else REAL))


@pytest.mark.parametrize("hops", [1, 2, 3, 4, 5])
def test_a_wrong_link_is_noticed_however_far_from_a_name(hops: int) -> None:
    """Rows hold generated ids only, but for the first and the last link of each chain."""

    def chains(*, crossed: bool) -> Trace:
        rows: list[tuple[str, dict[str, object]]] = []
        for chain, owner in enumerate((REAL, OTHER)):
            ids = [f"{chain:04x}{hop:04x}-1111-4111-8111-111111111111" for hop in range(hops)]
            rows.append(("t0", {"id": ids[0], "owner": owner}))
            rows += [(f"t{hop}", {"id": ids[hop], "of": ids[hop - 1]}) for hop in range(1, hops)]
            name = chain if not crossed else 1 - chain
            rows.append(("end", {"of": ids[-1], "name": f"chain {name}"}))
        return ended(*rows)

    assert alike(chains(crossed=False), chains(crossed=False))
    assert not alike(chains(crossed=False), chains(crossed=True))


def test_which_of_two_fixture_rows_changed_is_a_difference() -> None:
    a = ended(("card", {"id": REAL, "balance": 70}), ("card", {"id": OTHER, "balance": 100}))
    b = ended(("card", {"id": REAL, "balance": 100}), ("card", {"id": OTHER, "balance": 70}))
    masks = Masks(race())
    assert not alike(a, b)
    assert masks.fingerprint(a) != masks.fingerprint(b)


def test_ids_in_setup_statements_are_names_and_not_generated() -> None:
    given = race(setup=f"insert into t values ('{G1}'), ('{G2}')")
    masks = Masks(given)
    a, b = ended(("t", {"id": G1})), ended(("t", {"id": G2}))
    assert shape(a, masks, given) != shape(b, masks, given)
    assert masks.fingerprint(a) != masks.fingerprint(b)
    assert alike(a, b)  # where the set-up doesn't name them


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (5_000_000_001, 5_030_000_777, True),
        (1_500_000_001, 1_600_000_001, True),
        ("INV-5000000001/a", "INV-5000000009/a", True),
        ("INV-5000000001/a", "INV-5000000001/b", False),
        (41, 42, False),
        (7_000_123_001, 7_000_123_002, False),
        (1_763_730_135, 1_763_730_136, False),
        ("0.5000000001", "0.5000000002", False),
        (15_000_000_001, 15_000_000_002, False),
    ],
)
def test_numbers_of_a_sequence_are_known_by_their_range(a: object, b: object, same: bool) -> None:
    assert alike(ended(("t", {"n": a})), ended(("t", {"n": b}))) is same


def test_the_time_of_day_is_no_difference_but_a_time_that_was_given_is() -> None:
    def at(time: str) -> Trace:
        return ended(("t", {"at": time}), results=[got(f"until {time}")])

    assert alike(at("2026-11-21T13:02:15.123456+00:00"), at("2026-11-21 13:02:16.5+02"))
    assert not alike(at("2027-01-01T00:00:00+00:00"), at("2027-01-02T00:00:00+00:00"))


def test_no_digit_of_a_number_is_lost() -> None:
    a, b = Trace(), Trace()
    a.state = [("t", '{"n": 12345678901234567.89}')]
    b.state = [("t", '{"n": 12345678901234567.88}')]
    a.transactions = b.transactions = [[]]
    assert not alike(a, b)


def test_null_is_not_the_word_null_nor_nothing() -> None:
    values: list[object] = [None, "null", "", "None", 0, False]
    shapes = {shape(ended(("t", {"v": value}))) for value in values}
    assert len(shapes) == len(values)
    assert not alike(ended(results=[got(None)]), ended(results=[got("null")]))
    assert not alike(ended(results=[got()]), ended(results=[got(None)]))


def test_an_error_compares_by_sqlstate_and_message() -> None:
    def failed(sqlstate: str, message: str) -> Trace:
        return ended(results=[CallResult(CALL, Outcome.ERROR, sqlstate=sqlstate, message=message)])

    assert alike(failed("P0001", f"no {G1}"), failed("P0001", f"no {G2}"))
    assert not alike(failed("P0001", f"no {REAL}"), failed("P0001", f"no {OTHER}"))
    assert not alike(failed("P0001", "no"), failed("P0002", "no"))


def test_compare_state_leaves_results_out_but_not_how_calls_ended() -> None:
    given = race(state_only=True)
    masks = Masks(given)
    one, two = ended(results=[got("1")]), ended(results=[got("2")])
    refused = ended(results=[got("1", outcome=Outcome.REFUSED)])
    assert shape(one, masks, given) == shape(two, masks, given)
    assert shape(one, masks, given) != shape(refused, masks, given)
    assert not alike(one, two)


def test_columns_that_differ_between_equal_runs_are_overlooked_from_then_on() -> None:
    given = race()
    masks = Masks(given)

    def drew(number: float, balance: int) -> Trace:
        row = {"id": REAL, "lot": number, "balance": balance}
        return ended(("t", row), results=[got(str(balance))])

    assert masks.learn(drew(0.25, 70), drew(0.75, 70), given)
    assert masks.volatile == {("t", "lot")}
    assert shape(drew(0.5, 70), masks) == shape(drew(0.25, 70), masks)
    assert shape(drew(0.25, 70), masks) != shape(drew(0.25, 40), masks)


def test_runs_that_differ_in_more_than_values_are_not_deterministic() -> None:
    given = race()
    row = ("t", {"id": REAL, "n": 1})
    base = ended(row, results=[got("1")])
    others = [
        ended(row, ("t", {"id": OTHER, "n": 1}), results=[got("1")]),
        ended(row, ("u", {"id": REAL}), results=[got("1")]),
        ended(row, results=[got("1", outcome=Outcome.REFUSED)]),
        ended(row, results=[got("1", "2")]),
        ended(("t", {"id": REAL, "n": None}), results=[got("1")]),
    ]
    for other in others:
        assert not Masks(given).learn(base, other, given)
    assert Masks(given).learn(base, base, given)


def test_rows_that_swap_their_values_between_equal_runs_are_not_deterministic() -> None:
    """Each column alone holds the same values: only the rows tell."""
    given = race()
    a = ended(("t", {"id": REAL, "n": 1}), ("t", {"id": OTHER, "n": 2}))
    b = ended(("t", {"id": REAL, "n": 2}), ("t", {"id": OTHER, "n": 1}))
    assert not Masks(given).learn(a, b, given)


def test_what_follows_a_retryable_error_in_its_session_is_left_out() -> None:
    retry = CallResult(CALL, Outcome.RETRYABLE, sqlstate="40001", message="again")
    trace = Trace()
    trace.transactions = [
        [[got("1")], [got("2"), retry]],
        [[got("3")], [got("4")], [got("5")]],
        [[retry]],
    ]
    given = race(sessions=3, transactions=3)
    assert kept_transactions(trace, given) == (1, 3, 0)
    found = Masks(given).shape(trace, given, (1, 3, 0))
    assert found.calls == (("ok",), ("ok", "ok", "ok"), ())
    assert [name for name, _ in found.places] == ["call 0.0", "call 1.0", "call 1.1", "call 1.2"]


# -- any two outcomes -------------------------------------------------------------------------------

tokens = st.sampled_from([REAL, OTHER, G1, G2, G3, "5000000001", "5000000002"])
cells = st.one_of(tokens, st.sampled_from([None, 1, 2, "x"]), st.lists(tokens, max_size=2))
rows = st.tuples(st.sampled_from(["t", "u"]), st.fixed_dictionaries({"a": cells, "b": cells}))
endings = st.builds(
    lambda values: got(*[v if v is None else str(v) for v in values]), st.lists(cells, max_size=2)
)
traces = st.builds(
    lambda state, result: ended(*state, results=[result]), st.lists(rows, max_size=4), endings
)
RENAMED = {
    G1: "aaaaaaaa-2222-4222-8222-222222222222",
    G2: "bbbbbbbb-3333-4333-8333-333333333333",
    G3: "0ccccccc-4444-4444-8444-444444444444",
    "5000000001": "5999999999",
    "5000000002": "5123456789",
}


def renamed(trace: Trace) -> Trace:
    """Return the same outcome of a run that drew other ids."""

    def rename(text: str) -> str:
        for old, new in RENAMED.items():
            text = text.replace(old, new)
        return text

    again = Trace()
    again.state = [(name, rename(row)) for name, row in trace.state]
    (result,) = trace.transactions[0][0]
    values = [None if value is None else rename(value) for (value,) in result.rows]
    again.transactions = [[[got(*values)]]]
    return again


@given(traces)
def test_other_generated_ids_give_the_same_shape_and_fingerprint(trace: Trace) -> None:
    masks = Masks(race())
    assert shape(trace) == shape(renamed(trace))
    assert masks.fingerprint(trace) == masks.fingerprint(renamed(trace))


@given(traces, traces)
@settings(max_examples=200)
def test_equal_fingerprints_mean_equal_shapes(a: Trace, b: Trace) -> None:
    alike(a, b)  # asserts it


@given(traces, st.randoms(use_true_random=False))
def test_a_shuffled_state_has_the_same_shape(trace: Trace, random: object) -> None:
    shuffled = Trace()
    shuffled.transactions = trace.transactions
    shuffled.state = list(trace.state)
    random.shuffle(shuffled.state)  # type: ignore[attr-defined]
    assert shape(shuffled) == shape(trace)
