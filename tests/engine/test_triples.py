"""Of all races of three operations those run that the pairs have shown to be worth it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from crossfoot.explorer import explore
from crossfoot.generated import BUDGET_ENDED
from crossfoot.pairs.cast import Cast
from crossfoot.pairs.plot import Plot, Turn
from crossfoot.pairs.slots import Callable
from crossfoot.pairs.triples import LEAST, Triples
from crossfoot.results import Check, Exploration, Kind
from crossfoot.target import Operation
from crossfoot.verdicts import Verdict


def plot(*names: str) -> Plot:
    turns = [Turn(Callable(name, Operation(call="select 1")), Cast()) for name in names]
    return Plot("_".join(names), "", tuple(((turn,),) for turn in turns))


def check(name: str, schedules: int, verdict: Verdict = Verdict.PASS) -> Check:
    done = Exploration(schedules=schedules, complete=True)
    return Check(kind=Kind.RACE, name=name, title="", verdict=verdict, exploration=done)


PAIRS = [plot(*names) for names in ("aa", "ab", "ac", "bb", "bc", "cc")]


def chosen(checks: Sequence[Check], *threes: str) -> tuple[list[str], list[str]]:
    triples = Triples.after(PAIRS, checks, least=100)
    found = [each.name for each in triples.choose(plot(*names) for names in threes)]
    return found, list(triples.said())


def test_triples_that_all_meet_come_before_those_of_which_two_do_not() -> None:
    checks = [check("a_b", 9), check("a_c", 1), check("b_c", 9), check("a_a", 9)]
    assert chosen(checks, "abc", "aab") == (["a_a_b", "a_b_c"], [])


def test_a_call_that_meets_neither_of_the_others_is_no_triple() -> None:
    checks = [check("a_b", 9), check("a_c", 1), check("b_c", 1)]
    assert chosen(checks, "abc") == (
        [],
        ["1 of 1 races of three operations: not run, in which a call touches nothing that the"
         " others touch"],
    )  # fmt: skip


def test_what_two_calls_break_already_is_not_looked_for_with_three() -> None:
    checks = [check("a_b", 9, Verdict.FAIL), check("a_a", 9), check("b_b", 9)]
    found, said = chosen(checks, "aab", "bbb")
    assert found == ["b_b_b"]
    assert said == [
        "1 of 2 races of three operations: not run, in which two of the calls fail already"
    ]


def test_pairs_that_were_not_run_may_meet() -> None:
    assert chosen([], "abc") == (["a_b_c"], [])


def test_triples_share_what_the_pairs_took_and_the_rest_is_said() -> None:
    triples = Triples.after(PAIRS, [check("a_b", 150)], least=100)
    triples.choose(plot(*names) for names in ("aaa", "aab", "abb", "bbb"))
    assert triples.budget == 150
    shares = []
    for took in (20, LEAST, LEAST, LEAST):
        shares.append(triples.share())
        triples.spent(check("x", min(took, shares[-1])))
    assert shares == [LEAST, LEAST, LEAST, LEAST]
    assert triples.share() == 0
    assert list(triples.said()) == [
        "1 of 4 races of three operations: not run, for which the budget had no schedules left"
    ]


def test_a_few_triples_take_a_share_each() -> None:
    triples = Triples.after(PAIRS, [check("a_b", 600)], least=100)
    triples.choose(plot(*names) for names in ("aaa", "bbb"))
    assert triples.share() == 300
    triples.spent(check("x", 10))
    assert triples.share() == 590


def test_of_hundreds_only_those_are_made_that_may_run() -> None:
    triples = Triples.after(PAIRS, [], least=100)
    chosen = triples.choose(plot("a", "a", letter) for letter in "abcdefghij")
    assert len(chosen) == 4
    assert list(triples.said()) == [
        "6 of 10 races of three operations: not run, for which the budget had no schedules left"
    ]


def test_the_explorer_still_says_so_when_a_budget_was_too_small() -> None:
    assert BUDGET_ENDED in Path(explore.__file__).read_text(encoding="utf-8")
