"""The answers of a history against the system's own ``model.py``, account by account, thing by thing.

A call of several accounts is held against each of them by itself, as far as it is about that one, and
against each other thing that it touches. What fits one order of all calls fits an order of each part, so
nothing right is accused; what contradicts itself only across several parts isn't seen here.
:mod:`crossfoot.history.asking` says what a model has to have.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

from crossfoot.history.asking import Asked, Call, Parts, Place, load_model, requests_of
from crossfoot.history.check import MOST_FINDINGS
from crossfoot.history.clocks import on_server, own_times
from crossfoot.history.contradiction import contradiction
from crossfoot.history.ledger import Account, Ledger
from crossfoot.history.matching import ALWAYS, Matched, Violation, match
from crossfoot.history.moves import Called, Move
from crossfoot.history.reading import History
from crossfoot.history.record import CallRecord
from crossfoot.history.search import Timed, search
from crossfoot.history.wording import finding
from crossfoot.results import Check, Kind, Property
from crossfoot.target import Target
from crossfoot.verdicts import Outcome, Severity, Verdict

FOLLOW_THE_MODEL = "answers_follow_the_model"
MOST_CALLS = 3000
"""Calls of one account or thing. A model's state grows with them, and is copied with each."""
MOST_ALTOGETHER = 20_000
_ASK, _ASK_PER_CALL = 5_000, 20
"""How often the model is asked about one account."""
_MORE_OF_THINGS = 100_000
"""And at most about a thing: without a ledger each call may be the first."""
_NOTHING_LEFT = {Outcome.RETRYABLE, Outcome.ERROR}
_ACCOUNT = "account"

Noted = tuple[Move, CallRecord]


@dataclass
class _Groups:
    """The calls of each account and of each thing that the model is asked about."""

    calls: defaultdict[str, list[Noted]] = field(default_factory=lambda: defaultdict(list))
    accounts: set[str] = field(default_factory=set)
    left_out: dict[str, str] = field(default_factory=dict)
    of_things: int = 0

    def add(self, name: str, noted: Noted) -> None:
        """Take a call in. Things that come when there are many calls already are left out whole."""
        if name in self.left_out:
            return
        if name not in self.accounts:
            self.of_things += 1
            full = name not in self.calls and self.of_things > MOST_ALTOGETHER
            if full or len(self.calls[name]) >= MOST_CALLS:
                self.calls.pop(name, None)
                self.left_out[name] = "its calls are too many to ask the model about"
                return
        self.calls[name].append(noted)


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
    try:
        groups = _groups(history, model, called, ledger)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # Such as a burst whose statement doesn't say what the operation's arguments are.
        check.verdict, check.reason = Verdict.UNKNOWN, _failed(error)
        check.population = {"calls": "0", "accounts": "0"}
        return [check]
    counts: Counter[str] = Counter()
    doubts: list[str] = []
    for name in sorted(groups.calls):
        found = _found(name, called, ledger) if name in groups.accounts else None
        why = _not_judgeable(found, history)
        if not why:
            verdict, violation, why = _check_one(name, found, groups.calls[name], model, ledger)
        if why:
            groups.left_out[name] = why
            continue
        counts["calls"] += len(groups.calls[name])
        counts[f"{_kind(name, found)}s"] += 1
        if violation and len(check.findings) < MOST_FINDINGS:
            check.findings.append(finding(violation, called.origins))
        if verdict is Verdict.UNKNOWN:
            doubts.append(name)
    check.population = {"calls": "0", "accounts": "0", **{n: str(c) for n, c in counts.items()}}
    if groups.left_out:
        check.population["accounts left out"] = str(len(groups.left_out))
    check.verdict, check.reason = _verdict(check, counts["calls"], doubts, groups.left_out)
    check.seconds = time.perf_counter() - started
    return [check]


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


# -- which calls ------------------------------------------------------------------------------------


def _choose(called: Called) -> tuple[set[str], dict[str, str]]:
    """Return the accounts that a model can be asked about, and why not about the others."""
    chosen: set[str] = set()
    left_out: dict[str, str] = {}
    total = 0
    for name, moves in sorted(called.by_account.items(), key=lambda item: len(item[1])):
        total += len(moves)
        if len(moves) > MOST_CALLS or total > MOST_ALTOGETHER:
            left_out[name] = f"{len(moves)} calls are too many to ask the model about"
        elif name != "?":
            chosen.add(name)
    return chosen, left_out


def _groups(history: History, model: ModuleType, called: Called, ledger: Ledger) -> _Groups:
    """Read the history again, and keep what the model can be asked about."""
    chosen, left_out = _choose(called)
    owners = _owners(called, chosen)
    groups = _Groups(accounts=chosen, left_out=left_out)
    others = {*called.by_account, *ledger.accounts} - chosen
    clocks = {name: number for number, name in enumerate(history.clocks)}
    named_by = getattr(model, "NAMED_BY", "")
    nicknames: defaultdict[str, set[str]] = defaultdict(set)
    without: defaultdict[str, list[Noted]] = defaultdict(list)
    for file, record in history.calls():
        if record.outcome in _NOTHING_LEFT:
            continue
        clock = clocks[file.clock]
        names = owners.get((clock, record.session, record.id), ())
        touched = model.touched(record.operation, record.arguments, ledger.parts)
        more = [each for each in touched if each not in others]
        nickname = str(record.arguments.get(named_by, "")) if named_by else ""
        if not (names or more or nickname) or _elsewhere(model, record):
            continue
        noted = _noted(record, clock), record
        for name in dict.fromkeys([*names, *more]):
            groups.add(name, noted)
        if nickname:
            nicknames[nickname].update(names)
            if not names and len(without[nickname]) < MOST_CALLS:
                without[nickname].append(noted)
    for nickname, meant in nicknames.items():
        if len(meant) == 1 and len(without[nickname]) < MOST_CALLS:
            groups.calls[next(iter(meant))] += without[nickname]
    return groups


def _owners(called: Called, chosen: set[str]) -> dict[Place, tuple[str, ...]]:
    owners: dict[Place, tuple[str, ...]] = {}
    for name in chosen:
        for move in called.by_account[name]:
            place = move.clock, move.session, move.id
            owners[place] = (*owners.get(place, ()), name)
    return owners


def _noted(record: CallRecord, clock: int) -> Move:
    """Return a call as findings show it."""
    return Move(
        record.id, clock, record.session, record.operation, record.outcome,
        record.start, record.end, record.server_start, record.server_end,
        "", "", record.key, "", "", None, None, False,
    )  # fmt: skip


def _elsewhere(model: ModuleType, record: CallRecord) -> bool:
    if record.outcome is Outcome.UNKNOWN:
        return False
    answer = " ".join(str(value) for value in record.result.values())
    return any(fnmatchcase(answer, glob) for glob in getattr(model, "ELSEWHERE", ()))


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
    if found is None and len(noted) == 1:
        return Verdict.PASS, None, ""
    timed = list(_timed(name, found, noted, model, ledger.parts))
    try:
        asked = Asked(model, name, found, [each.call for each in timed if each.call.record.id])
        if not asked.known:
            return Verdict.UNKNOWN, None, "what was there before the first call isn't known"
        result = search(timed, asked, asked.start, _budget(len(timed), asked))
        if result.verdict is not Verdict.FAIL:
            return result.verdict, None, ""
        core, last = contradiction(name, timed, result, asked)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # The model's own mistake says nothing about the calls.
        return Verdict.UNKNOWN, None, _failed(error)
    violation = Violation(
        FOLLOW_THE_MODEL,
        "answer no order gives",
        name,
        _says(asked, last),
        tuple(call.move for call in core),
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
        f"{last.operation} by {last.move.session} answered {said}; wherever {where} have it, the"
        f" model {asked.would_say(last)}"
    )


def _timed(
    name: str, found: Matched | None, noted: Sequence[Noted], model: ModuleType, parts: Parts
) -> Iterator[Timed]:
    several = len({move.clock for move, _ in noted}) > 1
    view = on_server if several else own_times
    requests = requests_of(found)
    told = _told(noted, requests)
    for move, record in noted:
        begin, end = view(move)
        request = requests.get((move.clock, move.session, move.id))
        moved = (
            found.entries[request.entry].amount
            if found and request and request.entry >= 0
            else None
        )
        heard = record.outcome is not Outcome.UNKNOWN
        answer = record.result if heard else told.get(_one(move, record, requests), {})
        call = Call(move, record, heard, begin, end, answer, moved, parts)
        yield Timed(begin, end, call, heard)
    for operation, arguments in getattr(model, "meanwhile", _nobody)(name):
        record = CallRecord(0, "somebody else", operation, Outcome.UNKNOWN, 0, 0, arguments)
        call = Call(_noted(record, -1), record, False, -ALWAYS, ALWAYS, {}, None, parts)
        yield Timed(-ALWAYS, ALWAYS, call, False)


def _nobody(name: str) -> Iterable[tuple[str, dict[str, Any]]]:
    return ()


def _one(move: Move, record: CallRecord, requests: Mapping[Place, Any]) -> object:
    """Return what the calls of one request have in common."""
    request = requests.get((move.clock, move.session, move.id))
    if request is not None and len(request.moves) > 1:
        return id(request)
    return (record.operation, record.key) if record.key else (move.clock, move.session, move.id)


def _told(noted: Sequence[Noted], requests: Mapping[Place, Any]) -> dict[object, dict[str, Any]]:
    """Return what each request was told by the first of its calls that ended ok."""
    found: dict[object, dict[str, Any]] = {}
    for move, record in noted:
        if record.outcome is Outcome.OK:
            found.setdefault(_one(move, record, requests), record.result)
    return found
