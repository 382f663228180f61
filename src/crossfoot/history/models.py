"""The answers of a history against the system's own ``model.py``, account by account, thing by thing.

A call of several accounts is held against each of them by itself, as far as it is about that one, and
against each other thing that it touches. What fits one order of all calls fits an order of each part, so
nothing right is accused; what contradicts itself only across several parts isn't seen here.
:mod:`crossfoot.history.asking` says what a model has to have.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from crossfoot.errors import CrossfootError
from crossfoot.history.asking import Asked, Call, Parts, load_model, requests_of
from crossfoot.history.check import MOST_FINDINGS
from crossfoot.history.clocks import on_server, own_times
from crossfoot.history.contradiction import contradiction
from crossfoot.history.grouping import Groups, group_calls
from crossfoot.history.ledger import Account, Ledger
from crossfoot.history.matching import ALWAYS, Matched, Request, Violation, match
from crossfoot.history.moves import Called, Move
from crossfoot.history.reading import History, Shelf
from crossfoot.history.record import CallRecord
from crossfoot.history.search import Timed, search
from crossfoot.history.wording import finding
from crossfoot.processes import in_processes, processors
from crossfoot.results import Check, Kind, Property
from crossfoot.target import Target
from crossfoot.verdicts import Outcome, Severity, Verdict

FOLLOW_THE_MODEL = "answers_follow_the_model"
_PARALLEL = 20_000
"""Calls from which on several processes share the work."""
_ASK, _ASK_PER_CALL = 5_000, 20
"""How often the model is asked about one account."""
_MORE_OF_THINGS = 100_000
"""And at most about a thing: without a ledger each call may be the first."""
_ACCOUNT = "account"

Noted = tuple[int, int, CallRecord]
"""A call's number in the history, its clock's, and the call."""


@dataclass(frozen=True)
class _Looked:
    """What came of one account or thing; ``why`` it couldn't be judged, if it couldn't."""

    name: str
    kind: str
    calls: int
    verdict: Verdict
    violation: Violation | None
    why: str


def check_model(
    history: History, target: Target, called: Called, ledger: Ledger | None
) -> list[Check]:
    """Return the check of the answers against the model; none if there is no model to ask."""
    model = load_model(target)
    if model is None or ledger is None:
        return []
    started = time.perf_counter()
    check = Check(
        kind=Kind.HISTORY,
        name=FOLLOW_THE_MODEL,
        title="The answers are those that the model gives in some order of the calls",
        verdict=Verdict.PASS,
        severity=Severity.CRITICAL,
        properties=[Property.SERIAL, Property.STATE],
    )
    with Shelf() as shelf:
        try:
            groups = group_calls(history, model, called, ledger, shelf)
        except CrossfootError:
            raise
        except Exception as error:
            # Such as a burst whose statement doesn't say what the operation's arguments are.
            check.verdict, check.reason = Verdict.UNKNOWN, _failed(error)
            check.population = {"calls": "0", "accounts": "0"}
            return [check]
        look = _Look(history, shelf, model, called, ledger, groups)
        shares = groups.shares(processors() if called.calls > _PARALLEL else 1)
        looked = [each for share in in_processes(look, shares) for each in share]
    _conclude(check, sorted(looked, key=lambda each: each.name), groups.left_out, called)
    check.seconds = time.perf_counter() - started
    return [check]


def _conclude(
    check: Check, looked: Sequence[_Looked], left_out: Mapping[str, str], called: Called
) -> None:
    """Write down what came of all accounts and things."""
    left_out = {**left_out, **{each.name: each.why for each in looked if each.why}}
    counts: Counter[str] = Counter()
    doubts: list[str] = []
    for each in looked:
        if each.why:
            continue
        counts["calls"] += each.calls
        counts[f"{each.kind}s"] += 1
        if each.violation and len(check.findings) < MOST_FINDINGS:
            check.findings.append(finding(each.violation, called.origins))
        if each.verdict is Verdict.UNKNOWN:
            doubts.append(each.name)
    check.population = {"calls": "0", "accounts": "0", **{n: str(c) for n, c in counts.items()}}
    if left_out:
        check.population["left out"] = str(len(left_out))
    check.verdict, check.reason = _verdict(check, counts["calls"], doubts, left_out)


@dataclass(frozen=True)
class _Look:
    """Asks the model about the accounts and things of these names, one by one."""

    history: History
    shelf: Shelf
    model: ModuleType
    called: Called
    ledger: Ledger
    groups: Groups

    def __call__(self, names: Sequence[str]) -> list[_Looked]:
        return [self._look(name) for name in names]

    def _look(self, name: str) -> _Looked:
        is_account = name in self.groups.accounts
        found = _found(name, self.called, self.ledger) if is_account else None
        numbers = self.groups.calls[name]
        verdict, violation, why = Verdict.PASS, None, _not_judgeable(found, self.history)
        # One call alone fits whatever a thing was before.
        if not why and (is_account or len(numbers) > 1):
            noted = list(self._noted(numbers))
            verdict, violation, why = _check_one(name, found, noted, self.model, self.ledger)
        return _Looked(name, _kind(name, found), len(numbers), verdict, violation, why)

    def _noted(self, numbers: Iterable[int]) -> Iterator[Noted]:
        """Yield the calls of these numbers."""
        clocks = {name: number for number, name in enumerate(self.history.clocks)}
        for number in numbers:
            file, record = self.shelf[number]
            yield number, clocks[file.clock], record


def _found(name: str, called: Called, ledger: Ledger) -> Matched:
    account = ledger.accounts.get(name, Account())
    return match(name, called.by_account.get(name, []), account, marked=ledger.opening)


def _kind(name: str, found: Matched | None) -> str:
    """Return what it is that has this name: an account, or as the model calls it."""
    return _ACCOUNT if found else name.partition(" ")[0]


def _verdict(
    check: Check, looked: int, doubts: Sequence[str], left_out: Mapping[str, str]
) -> tuple[Verdict, str]:
    if check.findings:
        return Verdict.FAIL, ""
    if doubts:
        return Verdict.UNKNOWN, f"{doubts[0]}: no order was found, and not all were tried"
    if not looked:
        name, why = next(iter(left_out.items()), ("", "there are no calls of an account"))
        return Verdict.UNKNOWN, f"account {name}: {why}" if name else why
    return Verdict.PASS, ""


def _not_judgeable(found: Matched | None, history: History) -> str:
    """Return why nothing can be concluded: entries have to be a witness, or no call be missing."""
    if found is None:
        return "" if history.whole else "calls may be missing"
    if found.violations or not all(found.asked[found.opening :]):
        return "its entries don't agree with its calls"
    return ""


# -- one account or thing ---------------------------------------------------------------------------


def _check_one(
    name: str, found: Matched | None, noted: Sequence[Noted], model: ModuleType, ledger: Ledger
) -> tuple[Verdict, Violation | None, str]:
    """Return the verdict with the contradiction, or why there is none to be had."""
    timed = list(_timed(name, found, noted, model, ledger.parts))
    try:
        asked = Asked(model, name, found, [each.call for each in timed if each.call.record.id])
        if not asked.known:
            return Verdict.UNKNOWN, None, "what was there before the first call isn't known"
        result = search(timed, asked, asked.start, _budget(len(timed), asked))
        if result.verdict is not Verdict.FAIL:
            return result.verdict, None, ""
        core, last = contradiction(name, timed, result, asked)
        clocks = {number: clock for number, clock, _ in noted}
    except Exception as error:  # the model's own mistake says nothing about the calls
        return Verdict.UNKNOWN, None, _failed(error)
    violation = Violation(
        FOLLOW_THE_MODEL,
        "answer no order gives",
        name,
        _says(asked, last),
        tuple(_shown(call.record, call.at, clocks[call.at]) for call in core),
        kind=_kind(name, found),
    )
    return Verdict.FAIL, violation, ""


def _failed(error: Exception) -> str:
    return f"model.py fails: {type(error).__name__}: {error}"


def _budget(calls: int, asked: Asked) -> int:
    more = 0 if asked.has_ledger else min(2 * calls * calls, _MORE_OF_THINGS)
    return _ASK + _ASK_PER_CALL * calls + more


def _says(asked: Asked, last: Call) -> str:
    said = ", ".join(f"{name} = {value}" for name, value in last.record.result.items())
    where = "its time and the ledger would" if asked.has_ledger else "its time would"
    return (
        f"{last.operation} by {last.record.session} answered {said}; wherever {where} have it, the"
        f" model {asked.would_say(last)}"
    )


def _timed(
    name: str, found: Matched | None, noted: Sequence[Noted], model: ModuleType, parts: Parts
) -> Iterator[Timed]:
    several = len({clock for _, clock, _ in noted}) > 1
    view = on_server if several else own_times
    requests = requests_of(found)
    told = _told(noted, requests)
    for number, _, record in noted:
        begin, end = view(record)
        request = requests.get(number)
        moved = (
            found.entries[request.entry].amount
            if found and request and request.entry >= 0
            else None
        )
        heard = record.outcome is not Outcome.UNKNOWN
        answer = record.result if heard else told.get(_one(number, record, requests), {})
        call = Call(number, record, heard, begin, end, answer, moved, parts)
        yield Timed(begin, end, call, heard)
    for operation, arguments in getattr(model, "meanwhile", _nobody)(name):
        record = CallRecord(0, "somebody else", operation, Outcome.UNKNOWN, 0, 0, arguments)
        call = Call(-1, record, False, -ALWAYS, ALWAYS, {}, None, parts)
        yield Timed(-ALWAYS, ALWAYS, call, False)


def _nobody(name: str) -> Iterable[tuple[str, dict[str, Any]]]:
    return ()


def _one(number: int, record: CallRecord, requests: Mapping[int, Request]) -> object:
    """Return what the calls of one request have in common."""
    request = requests.get(number)
    if request is not None and len(request.moves) > 1:
        return id(request)
    return (record.operation, record.key) if record.key else number


def _told(noted: Sequence[Noted], requests: Mapping[int, Request]) -> dict[object, dict[str, Any]]:
    """Return what was told by the first call that ended ok of each request that left one unanswered."""
    calls = [(_one(number, record, requests), record) for number, _, record in noted]
    unanswered = {one for one, record in calls if record.outcome is Outcome.UNKNOWN}
    told: dict[object, dict[str, Any]] = {}
    for one, record in calls:
        if record.outcome is Outcome.OK and one in unanswered:
            told.setdefault(one, record.result)
    return told


def _shown(record: CallRecord, number: int, clock: int) -> Move:
    """Return a call as findings show it."""
    return Move(
        number, record.id, clock, record.session, record.operation, record.outcome,
        record.start, record.end, 0, 0,
        "", "", record.key, "", "", None, None, False,
    )  # fmt: skip
