"""Each kind of corruption, planted in a real history of each system, is found and names its call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from history_sessions import Session, recorded
from system_sessions import Generations, Payments, Rooms, Sales

from crossfoot.background import BackgroundServer
from crossfoot.history.check import check_history
from crossfoot.history.judge import judge
from crossfoot.history.ledger import Account, Entry, Ledger, read_ledger
from crossfoot.history.matching import Matched, Request, match
from crossfoot.history.models import FOLLOW_THE_MODEL
from crossfoot.history.moves import Move, read_moves
from crossfoot.history.reading import open_history
from crossfoot.history.record import CallRecord, Head
from crossfoot.results import Check
from crossfoot.target import Target, find_targets
from crossfoot.verdicts import Outcome, Verdict

KINDS: list[type[Session]] = [Generations, Sales, Rooms, Payments]
LEFT = "calls_left_what_they_said"
ASKED = "entries_were_asked_for"
FOLLOW = "balances_follow_from_entries"
ORDER = "calls_fit_one_order"
MODEL = FOLLOW_THE_MODEL


@dataclass
class Told:
    """A history and its ledger, to be changed before they are checked."""

    target: Target
    folder: Path
    head: Head
    records: list[CallRecord]
    ledger: Ledger

    @classmethod
    def read(cls, system: str, folder: Path) -> Told:
        (target,) = find_targets([system])
        history = open_history([folder])
        records = [call for _, call in history.calls()]
        ledger = read_ledger(folder / "ledger.ndjson", system)
        return cls(target, folder, history.files[0].head, records, ledger)

    def check(self, folder: Path) -> dict[str, Check]:
        """Write the history down again and check it."""
        head = msgspec.structs.replace(self.head, calls=len(self.records))
        lines = [msgspec.json.encode(each) + b"\n" for each in (head, *self.records)]
        (folder / "history.ndjson").write_bytes(b"".join(lines))
        judged = judge(open_history([folder]), self.target, self.ledger)
        return {each.name: each for each in judged.checks}

    def matched(self) -> Iterator[Matched]:
        """Yield each account with what its calls left in it."""
        history = open_history([self.folder])
        called = read_moves(history, self.target)
        check_history(history, called, self.ledger)
        for name, moves in called.by_account.items():
            account = self.ledger.accounts.get(name, Account())
            yield match(name, moves, account, marked=True)

    def answered(self, outcome: Outcome = Outcome.OK) -> tuple[str, int, Move]:
        """Return a call of its own that ended so and left an entry found by its key: where, which.

        Others of its account come after it, by their keys too, and tell against what is planted; but
        not so many that their findings are all that is kept.
        """
        found = [
            (matched.name, i, request.moves[0])
            for matched in self.matched()
            for i, request in enumerate(matched.asked)
            if i > 1 and not matched.guessed and request and len(request.moves) == 1
            if request.moves[0].outcome is outcome and has_key(request)
            if any(r and r.acknowledged and has_key(r) for r in matched.asked[i + 1 :])
        ]
        assert found
        return found[-1]

    def change(self, move: Move, **values: object) -> None:
        """Change what a call's record says."""
        (i,) = (
            i for i, r in enumerate(self.records) if (r.session, r.id) == (move.session, move.id)
        )
        self.records[i] = msgspec.structs.replace(self.records[i], **values)

    def entries(self, account: str) -> list[Entry]:
        return self.ledger.accounts[account].entries

    def settle(self, account: str) -> None:
        """Make the balances of an account's entries follow from their amounts, and number them."""
        entries = self.entries(account)
        numbers = sorted(entry.no for entry in entries)
        balance = 0
        for number, entry in zip(numbers, entries, strict=True):
            entry.no, entry.before = number, balance
            balance += entry.amount  # type: ignore[assignment]
            entry.after = balance
        self.ledger.accounts[account].balance = balance

    def insert(self, account: str, place: int, entry: Entry) -> None:
        """Put an entry into the ledger, right behind another."""
        for each in self.entries(account):
            each.no *= 10
        entry.no = self.entries(account)[place].no + 1
        self.entries(account).insert(place + 1, entry)
        self.ledger.accounts[account].opening = (self.ledger.accounts[account].opening or 0) * 10
        self.settle(account)


def has_key(request: Request) -> bool:
    """Say whether its entry is found by a key, or by a reference."""
    return bool(request.moves[0].key or request.moves[0].reference)


Plant = Callable[[Told], "tuple[str, int] | None"]
PLANTED: list[tuple[Plant, set[str]]] = []
"""What plants it and returns the call in question (session and id), and which checks may find it."""


def planted(*rules: str) -> Callable[[Plant], Plant]:
    def enter(plant: Plant) -> Plant:
        PLANTED.append((plant, set(rules)))
        return plant

    return enter


def which(move: Move) -> tuple[str, int]:
    return move.session, move.id


@planted(LEFT)
def refused_but_charged(told: Told) -> tuple[str, int]:
    _, _, move = told.answered()
    told.change(move, outcome=Outcome.REFUSED, result={"message": "no"}, sqlstate="P0001")
    return which(move)


@planted(LEFT)
def to_be_sent_again_but_charged(told: Told) -> tuple[str, int]:
    _, _, move = told.answered()
    told.change(move, outcome=Outcome.RETRYABLE, result={}, sqlstate="40001")
    return which(move)


@planted(LEFT)
def acknowledged_but_absent(told: Told) -> tuple[str, int]:
    account, i, move = told.answered()
    told.entries(account).pop(i)
    told.settle(account)
    return which(move)


@planted(LEFT)
def an_entry_doubled(told: Told) -> tuple[str, int]:
    account, i, move = told.answered()
    told.insert(account, i, msgspec.structs.replace(told.entries(account)[i]))
    return which(move)


@planted(ASKED)
def an_entry_nobody_asked_for(told: Told) -> None:
    account, i, _ = told.answered()
    entry = told.entries(account)[i]
    told.insert(
        account, i, msgspec.structs.replace(entry, key="nobody", reference="nobody", amount=3)
    )


@planted(LEFT, MODEL)
def another_amount_than_asked_for(told: Told) -> tuple[str, int]:
    account, i, move = told.answered()
    if move.amount is None:
        pytest.skip("target.toml doesn't say how much the call moves")
    told.entries(account)[i].amount += 1
    told.settle(account)
    return which(move)


@planted(FOLLOW)
def a_balance_after_that_is_wrong(told: Told) -> tuple[str, int]:
    account, i, move = told.answered()
    told.entries(account)[i].after += 1  # type: ignore[operator]
    return which(move)


@planted(FOLLOW)
def a_stored_balance_that_is_off(told: Told) -> None:
    account, _, _ = told.answered()
    told.ledger.accounts[account].balance -= 1  # type: ignore[operator]


@planted(FOLLOW)
def an_update_lost(told: Told) -> None:
    account, i, _ = told.answered()
    for entry in told.entries(account)[i:]:
        entry.before += 500  # type: ignore[operator]
        entry.after += 500  # type: ignore[operator]
    told.ledger.accounts[account].balance = told.entries(account)[-1].after


@planted(ORDER, MODEL)
def an_effect_before_its_call_began(told: Told) -> tuple[str, int]:
    _, _, move = told.answered()
    told.change(move, start=move.start + 10**11, end=move.end + 10**11)
    return which(move)


@planted(MODEL, LEFT)
def an_answer_of_another_moment(told: Told) -> tuple[str, int] | None:
    """A number in an answer that tells a balance isn't what it was."""
    for matched in told.matched():
        for request in filter(None, matched.asked):
            move = request.moves[0]
            (record,) = (r for r in told.records if (r.session, r.id) == which(move))
            told_balance = {
                name: str(value).replace(str(matched.entries[request.entry].after), "999999")
                for name, value in record.result.items()
            }
            if len(request.moves) == 1 and told_balance != record.result and record.result:
                told.change(move, result=told_balance)
                return which(move)
    raise AssertionError("no answer tells a balance")


@pytest.fixture(scope="module", params=KINDS, ids=[kind.system for kind in KINDS])
def clean(
    request: pytest.FixtureRequest,
    server: BackgroundServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path]:
    kind: type[Session] = request.param
    folder = tmp_path_factory.mktemp(kind.system)
    recorded(server, kind, folder, seed=3)
    return kind.system, folder


@pytest.mark.parametrize(("plant", "rules"), PLANTED, ids=[each.__name__ for each, _ in PLANTED])
def test_a_planted_corruption_is_found_and_named(
    clean: tuple[str, Path], plant: Plant, rules: set[str], tmp_path: Path
) -> None:
    told = Told.read(*clean)
    call = plant(told)
    checks = told.check(tmp_path)
    failed = {name for name, check in checks.items() if check.verdict is Verdict.FAIL}
    if MODEL in rules and "not all were tried" in checks[MODEL].reason:
        return  # the search came to its bound: said, and no pass
    assert failed & rules
    findings = [finding for name in failed & rules for finding in checks[name].findings]
    assert 1 <= min(len(finding.rows) for finding in findings) <= 8
    if call:
        named = {(row.get("session"), row.get("call")) for each in findings for row in each.rows}
        assert (call[0], str(call[1])) in named


def test_what_is_planted_is_what_is_found(clean: tuple[str, Path], tmp_path: Path) -> None:
    checks = Told.read(*clean).check(tmp_path)
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}


# -- things without a ledger ------------------------------------------------------------------------


def sold_twice(told: Told) -> int:
    """A buyer who was told that the lead is gone was told that it is theirs."""
    for i, record in enumerate(told.records):
        if "no longer available" in str(record.result.get("error_message")):
            leads = told.ledger.parts[str(record.arguments["purchase_id"])]
            if len(leads) == 1:
                told.records[i] = msgspec.structs.replace(
                    record, outcome=Outcome.OK, result={"success": "true"}
                )
                return i
    raise AssertionError("nobody came too late")


def answered_with_another_purchase(told: Told) -> int:
    """A key that was sent again made a second purchase."""
    seen: set[str] = set()
    for i, record in enumerate(told.records):
        if record.operation != "create_lead_purchase" or record.outcome is not Outcome.OK:
            continue
        if record.key in seen:
            other = {"create_lead_purchase": "00000000-0000-4000-8000-0000000000ff"}
            told.records[i] = msgspec.structs.replace(record, result=other)
            return i
        seen.add(record.key)
    raise AssertionError("no key was sent twice")


def claimed_twice(told: Told) -> int:
    """Two callers were told to call Stripe, as the first."""
    for i, record in enumerate(told.records):
        if record.result.get("outcome") != "in_progress":
            continue
        for first in told.records:
            if first.key == record.key and first.result.get("attempt") == "1":
                told.records[i] = msgspec.structs.replace(
                    record, outcome=Outcome.OK, result=first.result
                )
                return i
    raise AssertionError("nothing was claimed by two")


@pytest.mark.parametrize(
    ("clean", "plant", "subject"),
    [
        (Sales, sold_twice, "lead"),
        (Sales, answered_with_another_purchase, "request"),
        (Payments, claimed_twice, "claim"),
    ],
    ids=["sold_twice", "answered_with_another_purchase", "claimed_twice"],
    indirect=["clean"],
)
def test_what_contradicts_itself_without_a_ledger_is_found(
    clean: tuple[str, Path], plant: Callable[[Told], int], subject: str, tmp_path: Path
) -> None:
    told = Told.read(*clean)
    i = plant(told)
    check = told.check(tmp_path)[MODEL]
    found = next(each for each in check.findings if each.subject.startswith(f"{subject} "))
    assert found.summary.startswith(f"{subject} ")
    assert 2 <= len(found.rows) <= 8
    assert str(told.records[i].id) in {row["call"] for row in found.rows}
