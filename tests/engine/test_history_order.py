"""Orders: clean histories have one, and the quick way agrees with trying all of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import msgspec
import pytest
from history_ground import honest

from crossfoot.history.clocks import on_server, own_times
from crossfoot.history.ledger import Account, Entry
from crossfoot.history.matching import Violation, match
from crossfoot.history.moves import Move
from crossfoot.history.order import Order, overlapping
from crossfoot.history.search import Fit, Timed, search
from crossfoot.history.smallest import smallest
from crossfoot.history.spanning import check_together, spanning
from crossfoot.verdicts import Outcome, Verdict

INFINITE = float("inf")


@pytest.mark.parametrize("machines", [1, 3])
@pytest.mark.parametrize("seed", range(25))
def test_a_clean_history_raises_no_alarm(seed: int, machines: int, tmp_path: Path) -> None:
    world = honest(seed, machines=machines, accounts=1 + seed % 3, sessions=3 + seed % 9)
    checks = world.check(tmp_path)
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}
    assert all(not check.findings for check in checks.values())


def test_calls_without_overlap_prove_nothing_about_order(tmp_path: Path) -> None:
    check = honest(1, sessions=1).check(tmp_path)["calls_fit_one_order"]
    assert check.verdict is Verdict.UNKNOWN
    assert "no two calls of one account overlapped" in check.reason


def test_an_empty_history_proves_nothing(tmp_path: Path) -> None:
    world = honest(1)
    world.records.clear()
    checks = world.check(tmp_path)
    assert {check.verdict for check in checks.values()} == {Verdict.UNKNOWN}
    assert {check.reason for check in checks.values()} == {
        "there are no calls in it: nothing was checked"
    }


def test_an_entry_of_a_call_that_a_killed_writer_lost_accuses_nobody(tmp_path: Path) -> None:
    world = honest(2)
    del world.records[-20:]
    check = world.check(tmp_path, closed=False)["entries_were_asked_for"]
    assert check.verdict is Verdict.UNKNOWN
    assert "was stopped before it was done" in check.reason


def test_machines_are_ordered_only_by_what_the_server_proves(tmp_path: Path) -> None:
    """The same swap is found with the server's times, and without them is none that can be proved."""
    world = honest(4, machines=2)
    account = next(iter(world.ledger.accounts))
    entries = world.entries(account)
    place = next(
        i for i in range(30, len(entries) - 10) if entries[i].amount > 0 and entries[i].key
    )
    entries.insert(place - 25, entries.pop(place))
    world.settle(account)
    assert world.check(tmp_path)["calls_fit_one_order"].verdict is Verdict.FAIL
    # Nothing but each machine's own clock, and a machine per session: nobody knows any more.
    world.machines = {f"s{n}": f"machine{n}" for n in range(6)}
    for i in range(len(world.records)):
        world.change(i, server_start=0, server_end=0)
    blind = world.check(tmp_path)["calls_fit_one_order"]
    sessions = {
        record.session for record in world.records if record.key in {e.key for e in entries}
    }
    assert len(sessions) == 6
    assert all(
        len({row["session"] for row in finding.rows if row.get("session")}) == 1
        for finding in blind.findings
    )


def move(number: int, begin: int, end: int, amount: int, *, refused: bool = False) -> Move:
    outcome = Outcome.REFUSED if refused else Outcome.OK
    key = "" if refused else str(number)
    return Move(
        number,
        number,
        0,
        "s",
        "op",
        outcome,
        begin,
        end,
        0,
        0,
        "a",
        key,
        key,
        "",
        "",
        amount,
        None,
        refused,
    )


def drawn(seed: int) -> tuple[list[Move], Account]:
    """Return a few calls, and a ledger in which their effects stand in some order."""
    draw = random.Random(seed)
    moves: list[Move] = []
    for number in range(1, 4):
        begin = draw.randrange(12)
        moves.append(move(number, begin, begin + draw.randrange(1, 6), draw.choice([9, 6, -4, -7])))
    for number in range(4, 7):
        begin = draw.randrange(12)
        end = begin + draw.randrange(1, 6)
        moves.append(move(number, begin, end, -draw.randrange(1, 12), refused=True))
    order = moves[:3]
    draw.shuffle(order)
    balance, entries = 0, []
    for number, each in enumerate(order, start=1):
        assert isinstance(each.amount, int)
        entries.append(Entry(number, each.amount, balance, balance + each.amount, "", "", each.key))
        balance += each.amount
    return moves, Account(balance, None, entries)


def in_any_order(moves: Sequence[Move], account: Account) -> bool:
    """Try all orders: times, the ledger's order, and refusals where there is too little."""
    keys = [entry.key for entry in account.entries]
    for order in permutations(moves):
        if [each.key for each in order if each.key] != keys:
            continue
        if any(b.end < a.start for i, a in enumerate(order) for b in order[i + 1 :]):
            continue
        balance = 0
        for each in order:
            assert isinstance(each.amount, int)
            if each.short and balance + each.amount >= 0:
                break
            balance += 0 if each.short else each.amount
        else:
            return True
    return False


def test_placing_by_the_ledger_agrees_with_trying_every_order() -> None:
    said = {True: 0, False: 0}
    for seed in range(250):
        moves, account = drawn(seed)
        found = match("a", moves, account, marked=True)
        fits = not list(Order(found, own_times).violations())
        assert fits is in_any_order(moves, account), seed
        said[fits] += 1
    assert min(said.values()) > 30


def test_who_reads_later_does_not_read_an_earlier_balance() -> None:
    """Two purchases run all the while. One reader sees both of them, and then another only one."""

    def read(number: int, begin: int, told: int) -> Move:
        reader = move(number, begin, begin + 10, 0)
        return msgspec.structs.replace(reader, key="", request="", told=told)

    def violations(first: int, second: int) -> list[Violation]:
        moves = [move(1, 0, 100, 10), move(2, 0, 100, 10)]
        entries = [Entry(1, 10, 0, 10, "", "", "1"), Entry(2, 10, 10, 20, "", "", "2")]
        moves += [read(3, 20, first), read(4, 40, second)]
        found = match("a", moves, Account(20, None, entries), marked=True)
        return list(Order(found, own_times).violations())

    assert violations(10, 20) == violations(20, 20) == []
    (stale,) = violations(20, 10)
    assert stale.mistake == "stale read"
    assert {each.id for each in stale.moves} == {3, 4}


def nameless(number: int, begin: int, end: int, amount: int, told: int | None = None) -> Move:
    return msgspec.structs.replace(move(number, begin, end, amount), key="", request="", told=told)


def test_calls_without_a_key_find_their_entries_by_amount_and_told_balance() -> None:
    entries = [Entry(n, -5, 25 - 5 * n, 20 - 5 * n, "", "", "") for n in range(1, 4)]
    calls = [nameless(1, 0, 9, -5, 5), nameless(2, 0, 9, -5, 15), nameless(3, 0, 9, -5, 10)]
    found = match("a", calls, Account(5, None, entries), marked=True)
    left = [request.moves[0].id for request in found.asked if request]
    assert (left, found.violations, found.guessed) == ([2, 3, 1], [], False)


def test_a_call_without_a_key_that_left_nothing_is_missed() -> None:
    entries = [Entry(1, -5, 20, 15, "", "", "")]
    calls = [nameless(1, 0, 9, -5), nameless(2, 20, 29, -5)]
    found = match("a", calls, Account(15, None, entries), marked=True)
    assert [violation.mistake for violation in found.violations] == ["acknowledged but absent"]
    assert found.guessed


class Register:
    """A register of 0, 1 or 2: a call is ("w", value), ("r", value), or ("+", value) to add."""

    def step(self, state: int, call: tuple[str, int]) -> tuple[Fit, int]:
        if call[0] == "r":
            return (Fit.SAME if call[1] == state else Fit.NO), state
        return Fit.CHANGE, written(state, *call)

    def due(self, state: int, call: object) -> None:
        return None

    def key(self, state: int) -> object:
        return state

    def over(self, state: int) -> bool:
        return True

    def alike(self, call: object) -> object:
        return None


def written(state: int, kind: str, value: int) -> int:
    return value if kind == "w" else (state + value) % 3


def register_calls(seed: int) -> list[Timed]:
    draw = random.Random(seed)
    calls = []
    for _ in range(6):
        begin = draw.randrange(10)
        must = draw.random() < 0.8
        end = begin + draw.randrange(1, 7) if must else INFINITE
        calls.append(Timed(begin, end, (draw.choice("w+rrr"), draw.randrange(3)), must))
    return calls


def linearizable(calls: Sequence[Timed]) -> bool:
    maybe = [call for call in calls if not call.must]
    for chosen in range(1 << len(maybe)):
        some = [call for i, call in enumerate(maybe) if chosen >> i & 1]
        for order in permutations([*(call for call in calls if call.must), *some]):
            state, fits = 0, True
            for i, call in enumerate(order):
                fits = fits and not any(other.end < call.begin for other in order[i + 1 :])
                kind, value = call.call
                fits = fits and (kind != "r" or value == state)
                state = state if kind == "r" else written(state, kind, value)
            if fits:
                return True
    return False


@pytest.mark.parametrize("kept", [2, 3, 256])
def test_the_search_agrees_with_trying_every_order(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it has to find out again which state it was in."""
    monkeypatch.setattr("crossfoot.history.search._KEPT", kept)
    said = {True: 0, False: 0}
    for seed in range(150):
        calls = register_calls(seed)
        verdict = search(calls, Register(), 0, 10_000).verdict
        assert (verdict is Verdict.PASS) is linearizable(calls), seed
        said[verdict is Verdict.PASS] += 1
    assert min(said.values()) > 20


def test_a_search_that_is_cut_short_is_unknown() -> None:
    calls = [Timed(0, 9, ("w", value)) for value in range(1, 8)] + [Timed(0, 9, ("r", 99))]
    assert search(calls, Register(), 0, 20).verdict is Verdict.UNKNOWN
    assert search(calls, Register(), 0, 100_000).verdict is Verdict.FAIL


def test_only_what_is_needed_for_a_contradiction_is_kept() -> None:
    core = smallest(range(100), lambda kept: {13, 57, 58} <= set(kept))
    assert core == [13, 57, 58]


def test_transfers_that_two_ledgers_have_in_opposite_order_contradict() -> None:
    def leg(number: int, account: str, amount: int) -> Move:
        return msgspec.structs.replace(move(number, 0, 100, amount), account=account)

    def books(account: str, order: Sequence[int], amounts: Sequence[int]) -> Account:
        balance, entries = 50, []
        for number, key in enumerate(order, start=1):
            amount = amounts[key - 1]
            entries.append(Entry(number, amount, balance, balance + amount, "", "", str(key)))
            balance += amount
        return Account(balance, None, entries)

    def found(order_of_b: Sequence[int]) -> int:
        a = [leg(1, "a", -5), leg(2, "a", 7)]
        b = [leg(1, "b", 5), leg(2, "b", -7)]
        accounts = [
            match("a", a, books("a", [1, 2], [-5, 7]), marked=True),
            match("b", b, books("b", order_of_b, [5, -7]), marked=True),
        ]
        assert spanning(accounts) == {("op", "1"), ("op", "2")}
        return len(list(check_together(accounts, own_times)))

    assert found([1, 2]) == 0
    assert found([2, 1]) == 1


def test_a_call_is_put_on_the_servers_clock_by_its_own_duration() -> None:
    """It took 30 microseconds, of which the server saw the time from 1005 to 1012."""
    seen = msgspec.structs.replace(move(1, 500, 30_500, 5), server_start=1005, server_end=1012)
    assert on_server(seen) == (1012_000 - 30_000, 1006_000 + 30_000)
    unanswered = msgspec.structs.replace(seen, end=0, outcome=Outcome.UNKNOWN)
    assert on_server(unanswered) == (-INFINITE, INFINITE)


def test_calls_overlap_if_one_ran_while_another_did() -> None:
    assert overlapping([(0, 1), (2, 3), (4, 9), (5, 6), (8, 10), (11, 12)]) == 3
