"""The answers of a history against the system's own ``model.py``, account by account.

A model takes part if it has these:

``account_of(operation, arguments) -> str | None``
    whose call it is; None for a call that isn't of one account
``opened(account, entries) -> State``
    the state of one account to which these entries (of the relation ``entry``) have led
``called(state, operation, arguments) -> (State, row)``
    make a call; arguments are those of the history, where ids are text. ``row`` is the first row, or the
    message of a refusal
``balance(state, account) -> number``
    what the account holds
``ELSEWHERE``
    globs of answers that depend on more than the account's own calls; these aren't held against it

Of a call that ends with some answer it has to be certain whether it changed anything: "applied" always did,
"insufficient" never.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import ModuleType
from typing import Any

from crossfoot.history.chain import balances
from crossfoot.history.check import MOST_FINDINGS
from crossfoot.history.clocks import on_server, own_times
from crossfoot.history.ledger import Account, Ledger, Number
from crossfoot.history.matching import Matched, Request, Violation, match
from crossfoot.history.moves import Called, Move
from crossfoot.history.reading import History
from crossfoot.history.record import CallRecord
from crossfoot.history.search import Fit, Found, State, Timed, search
from crossfoot.history.smallest import smallest
from crossfoot.history.wording import finding
from crossfoot.rendering import render
from crossfoot.results import Check, Kind, Property
from crossfoot.target import Target
from crossfoot.verdicts import Outcome, Severity, Verdict

FOLLOW_THE_MODEL = "answers_follow_the_model"
NEEDED = ("account_of", "opened", "called", "balance")
MOST_CALLS = 3000
"""Calls of one account. A model's state grows with them, and is copied with each."""
MOST_ALTOGETHER = 20_000
_ASK, _ASK_PER_CALL = 5_000, 20
"""How often the model is asked about one account."""
_ASK_AGAIN = 15_000  # to make a contradiction smaller
_MOST_SHOWN = 8
_NAME = 8  # characters: what is shorter names nothing
_NOTHING_LEFT = {Outcome.RETRYABLE, Outcome.ERROR}

Place = tuple[int, str, int]
"""Which call it is: its clock, its session, its id."""


@dataclass(frozen=True)
class _Call:
    """A call as the model sees it. ``heard`` is False if its answer isn't held against it."""

    move: Move
    record: CallRecord
    heard: bool

    @property
    def place(self) -> Place:
        return self.move.clock, self.move.session, self.move.id


def load_model(target: Target) -> ModuleType | None:
    """Return the target's model.py if it can be asked about histories."""
    path = target.file.parent / "model.py"
    if not path.is_file():
        return None
    name = f"crossfoot_model_of_{target.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module if all(hasattr(module, needed) for needed in NEEDED) else None


def check_model(
    history: History, target: Target, called: Called, ledger: Ledger | None
) -> list[Check]:
    """Return the check of the answers against the model; none if there is no model to ask."""
    model = load_model(target)
    if model is None or ledger is None:
        return []
    started = time.perf_counter()
    chosen, left_out = _choose(called)
    calls = _calls_of(history, target, model, chosen)
    check = Check(
        kind=Kind.HISTORY,
        name=FOLLOW_THE_MODEL,
        title="The answers are those that the model gives in some order of the calls",
        verdict=Verdict.PASS,
        severity=Severity.CRITICAL,
        properties=[Property.SERIAL, Property.STATE],
    )
    looked, doubts = 0, []
    for name in sorted(calls):
        account = ledger.accounts.get(name, Account())
        found = match(name, called.by_account.get(name, []), account, marked=ledger.opening)
        if not _judgeable(found):
            left_out[name] = "its entries don't agree with its calls"
            continue
        verdict, violation = _check_account(found, calls[name], model)
        looked += len(calls[name])
        if violation and len(check.findings) < MOST_FINDINGS:
            check.findings.append(finding(violation, called.origins))
        if verdict is Verdict.UNKNOWN:
            doubts.append(name)
    check.population = {"calls": str(looked), "accounts": str(len(calls))}
    if left_out:
        check.population["accounts left out"] = str(len(left_out))
    check.verdict, check.reason = _verdict(check, looked, doubts, left_out)
    check.seconds = time.perf_counter() - started
    return [check]


def _verdict(
    check: Check, looked: int, doubts: Sequence[str], left_out: dict[str, str]
) -> tuple[Verdict, str]:
    if check.findings:
        return Verdict.FAIL, ""
    if doubts:
        return Verdict.UNKNOWN, f"account {doubts[0]}: no order was found, and not all were tried"
    if not looked:
        name, why = next(iter(left_out.items()), ("", "there are no calls of an account"))
        return Verdict.UNKNOWN, f"account {name}: {why}" if name else why
    return Verdict.PASS, ""


def _choose(called: Called) -> tuple[set[str], dict[str, str]]:
    """Return the accounts that a model can be asked about, and why not about the others."""
    chosen: set[str] = set()
    left_out: dict[str, str] = {}
    total = 0
    for name, moves in sorted(called.by_account.items(), key=lambda item: len(item[1])):
        total += len(moves)
        if len(moves) > MOST_CALLS or total > MOST_ALTOGETHER:
            left_out[name] = f"{len(moves)} calls are too many to ask the model about"
        else:
            chosen.add(name)
    return chosen, left_out


def _calls_of(
    history: History, target: Target, model: ModuleType, chosen: set[str]
) -> dict[str, list[_Call]]:
    """Read the history again, and keep what the model can be asked about."""
    clocks = {name: number for number, name in enumerate(history.clocks)}
    found: defaultdict[str, list[_Call]] = defaultdict(list)
    if not chosen:
        return found
    for file, record in history.calls():
        if record.outcome in _NOTHING_LEFT:
            continue
        name = model.account_of(record.operation, record.arguments)
        if name not in chosen:
            continue
        heard = record.outcome is not Outcome.UNKNOWN
        if heard and _elsewhere(model, record):
            continue
        move = Move(
            record.id, clocks[file.clock], record.session, record.operation, record.outcome,
            record.start, record.end, record.server_start, record.server_end,
            name, "", record.key, "", "", None, None, False,
        )  # fmt: skip
        found[name].append(_Call(move, record, heard))
    return found


def _elsewhere(model: ModuleType, record: CallRecord) -> bool:
    answer = " ".join(str(value) for value in record.result.values())
    return any(fnmatchcase(answer, glob) for glob in getattr(model, "ELSEWHERE", ()))


def _judgeable(found: Matched) -> bool:
    """Say whether the entries can be a witness: every one is of one request, and as it asked."""
    later = found.asked[found.opening :]
    return not found.violations and all(later) and not found.guessed


def _check_account(
    found: Matched, calls: Sequence[_Call], model: ModuleType
) -> tuple[Verdict, Violation | None]:
    asked = _Asked(model, found)
    several = len({call.move.clock for call in calls}) > 1
    view = on_server if several else own_times
    timed = [Timed(*view(call.move), call, call.heard) for call in calls]
    budget = _ASK + _ASK_PER_CALL * len(timed)
    result = search(timed, asked, asked.start(), budget)
    if result.verdict is not Verdict.FAIL:
        return result.verdict, None
    return Verdict.FAIL, _violation(found, asked, *_core(timed, result, asked))


def _core(timed: Sequence[Timed], result: Found, asked: _Asked) -> tuple[list[_Call], _Call]:
    """Return few calls that contradict each other, and the one that finds no place.

    What changed something is taken as it is. Of refusals and repeats only those are left without which
    there would be an order.
    """
    left = _ASK_AGAIN
    facts = [each for each in timed if not asked.changes_nothing(each.call)]
    others = [each for each in timed if asked.changes_nothing(each.call)]

    def contradict(kept: Sequence[Timed]) -> bool:
        nonlocal left, result
        if left <= 0:
            return False
        found = search([*facts, *kept], asked, asked.start(), left)
        left -= found.steps
        result = found if found.verdict is Verdict.FAIL else result
        return found.verdict is Verdict.FAIL

    chosen: list[Timed] = []
    if not contradict(chosen):
        stuck = {id(call) for call in result.stuck}
        few = [each for each in others if id(each.call) in stuck]
        chosen = smallest(few if contradict(few) else others, contradict)
    heard = [each for each in timed if each.call in result.stuck and each.call.heard]
    last: _Call = min(heard or timed, key=lambda each: each.end).call
    shown = [each.call for each in timed if each in chosen or _related(each.call, last)]
    return shown[:_MOST_SHOWN], last


def _related(call: _Call, other: _Call) -> bool:
    """Say whether two calls speak of the same thing: of a key, or an id, besides the account."""
    return call is other or bool(_names(call) & _names(other))


def _names(call: _Call) -> set[str]:
    texts = {str(value) for value in call.record.arguments.values() if isinstance(value, str)}
    return {text for text in texts if len(text) >= _NAME} - {call.move.account}


def _violation(found: Matched, asked: _Asked, core: Sequence[_Call], last: _Call) -> Violation:
    said = ", ".join(f"{name} = {value}" for name, value in last.record.result.items())
    says = (
        f"{last.record.operation} by {last.move.session} answered {said}; wherever its time and the"
        f" ledger would have it, the model {asked.would_say(last)}"
    )
    moves = tuple(call.move for call in core)
    return Violation(FOLLOW_THE_MODEL, "answer no order gives", found.name, says, moves)


class _Asked:
    """A model.py as a :class:`Model`: a state is the model's, and how many entries there were."""

    def __init__(self, model: ModuleType, found: Matched) -> None:
        self._model, self._found = model, found
        self._balances = balances(found)
        self._request: dict[Place, Request] = {}
        for request in found.requests:
            for move in request.moves:
                self._request[move.clock, move.session, move.id] = request
        self._said: dict[Place, str] = {}

    def changes_nothing(self, call: _Call) -> bool:
        """Say whether this is a refusal, or the repeat of another call."""
        request = self._request.get(call.place)
        if call.move.outcome is Outcome.REFUSED:
            return True
        if request is None or len(request.possible) == 1:
            return False
        first = min(request.possible, key=lambda move: move.start)
        return (first.clock, first.session, first.id) != call.place

    def start(self) -> State:
        """Return the state before the first call."""
        opening = self._found.entries[: self._found.opening]
        return self._model.opened(self._found.name, opening), self._found.opening

    def step(self, state: State, call: _Call) -> tuple[Fit, State]:
        """Make a call. If it moves credit, it has to be the ledger's next entry."""
        before, entries = state
        after, row = self._model.called(before, call.record.operation, call.record.arguments)
        if call.heard and not same_answer(row, call.record):
            self._said[call.place] = _as_text(row)
            return Fit.NO, state
        if after == before:
            return Fit.SAME, state
        moved = self._held(after) - self._held(before)
        if not moved:
            return Fit.CHANGE, (after, entries)
        if not self._is_next(call, entries, moved):
            return Fit.NO, state
        return Fit.CHANGE, (after, entries + 1)

    def _held(self, state: State) -> Number:
        return self._model.balance(state, self._found.name)  # type: ignore[no-any-return]

    def _is_next(self, call: _Call, entries: int, moved: Number) -> bool:
        if entries >= len(self._found.asked):
            return False
        request = self._found.asked[entries]
        mine = self._request.get(call.place)
        return mine is not None and mine is request and self._found.entries[entries].amount == moved

    def key(self, state: State) -> object:
        """Return the state as text: what the models are made of has no hash."""
        return state[1], repr(state[0])

    def over(self, state: State) -> bool:
        """Say whether every entry has been written."""
        return bool(state[1] == len(self._found.entries))

    def would_say(self, call: _Call) -> str:
        """Return what the model last answered to a call instead of what the history has."""
        if call.place in self._said:
            return f"answers {self._said[call.place]}"
        return "has it move credit at another place of the ledger"


def same_answer(row: Any, record: CallRecord) -> bool:
    """Say whether a model's row, or the message of its refusal, is what the history has."""
    if isinstance(row, str):
        return str(record.result.get("message", "")) == row
    return (
        all(
            _plain(value) == _plain(record.result[name])
            for name, value in row.items()
            if name in record.result
        )
        and not record.sqlstate
    )


def _plain(value: Any) -> Any:
    """Return a value so that the model's and the history's compare: parsed if it is JSON."""
    if isinstance(value, dict | list):
        return json.loads(json.dumps(value, default=str))
    text = render(value)
    if text and text[0] in "{[":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _as_text(row: Any) -> str:
    if isinstance(row, str):
        return row
    return ", ".join(f"{name} = {json.dumps(_plain(value))}" for name, value in row.items())
