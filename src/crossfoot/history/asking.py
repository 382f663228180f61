"""What a system's ``model.py`` is asked about the calls of a history, and what its answers mean.

A model.py takes part if it has these four:

``touched(operation, arguments, parts) -> Iterable[str]``
    what a call is about besides the accounts in which target.toml says that it leaves entries: an
    account, or a thing with a name of the model's own, ``"lead 4f.."``. ``parts`` are the items of
    each purchase
``opened(name, entries, calls) -> State | None``
    the state of that account or thing before the first of these calls. ``entries`` are those of the
    account that were there before. None if it can't be told
``called(state, name, call) -> (State, row)``
    make a call, as far as it is about ``name``. ``row`` is the first row of the answer, or the message
    of a refusal; members that depend on anything else are left out, and None fits whatever was answered
``balance(state, name) -> number | None``
    what the account holds; None for what is no account

and these where they are needed:

``ELSEWHERE``
    globs of answers that depend on something else; these calls aren't held against the model
``NAMED_BY``
    the argument by which calls name an account, if the ledger has another name for it. Which account is
    meant follows from the calls that left entries
``MOST_CALLS``
    about how many calls of one account or thing the model may be asked, if not 20,000. A model that copies
    what it knows with each call takes four times as long for twice as many
``meanwhile(name) -> Iterable[(operation, arguments)]``
    calls that somebody else may have made, each once, of which the history doesn't tell

States are never changed in place, and where nothing changes the very same one is returned. What tells two
states apart is in their ``repr``. Of a call that ends with some answer it has to be certain whether it
changed anything, or that it needn't have: "applied" always did, "insufficient" never, and a repeat that is
told what the first call was told can follow it at any time.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType, NoneType
from typing import Any

import msgspec

from crossfoot.history.ledger import Number
from crossfoot.history.matching import Matched, Request
from crossfoot.history.record import CallRecord
from crossfoot.history.search import Fit, State
from crossfoot.rendering import render
from crossfoot.target import Target
from crossfoot.verdicts import Outcome

_JSON = (str, int, float, bool, NoneType)

NEEDED = ("touched", "opened", "called", "balance")

Parts = Mapping[str, Sequence[str]]
"""The items of each purchase, as the ledger's file has them."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call as the model sees it: the one with this number in the history.

    ``heard`` is False if its answer isn't held against it: none came. ``answer`` is then what another
    call of the same request was told, or empty. ``moved`` is the amount of the entry that its request
    left in the account in question, None if it left none there. ``begin`` and ``end`` are nanoseconds
    on one clock, infinite where nothing is known.
    """

    at: int
    record: CallRecord
    heard: bool
    begin: float
    end: float
    answer: Mapping[str, Any]
    moved: Number | None
    parts: Parts

    @property
    def operation(self) -> str:
        """Return the operation's name."""
        return self.record.operation

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Return the arguments by name, as the history has them: ids are text."""
        return self.record.arguments

    @property
    def ok(self) -> bool:
        """Say whether it ended ok."""
        return self.record.outcome is Outcome.OK

    @property
    def refusal(self) -> str:
        """Return all that a refusal said, as one text; empty for another ending."""
        if self.record.outcome is not Outcome.REFUSED:
            return ""
        return " ".join(str(value) for value in self.record.result.values())


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


class Asked:
    """A model.py as a :class:`~crossfoot.history.search.Model` of one account, or of one thing.

    A state is the model's, how many entries there were, and the balance. ``found`` is None for what has no
    ledger.
    """

    def __init__(
        self, model: ModuleType, name: str, found: Matched | None, calls: Iterable[Call]
    ) -> None:
        self._model, self._name, self._found = model, name, found
        self._requests = requests_of(found)
        self._said: dict[int, Any] = {}
        opening = found.entries[: found.opening] if found else []
        state = model.opened(name, opening, list(calls))
        self._start = state, len(opening), self._balance(state)

    @property
    def known(self) -> bool:
        """Say whether the model knows where to begin."""
        return self._start[0] is not None

    @property
    def has_ledger(self) -> bool:
        """Say whether a ledger tells in which order the effects happened."""
        return self._found is not None

    @property
    def start(self) -> State:
        """Return the state before the first call."""
        return self._start

    def step(self, state: State, call: Call) -> tuple[Fit, State]:
        """Make a call. If it moves credit, it has to be the ledger's next entry."""
        before, entries, balance = state
        after, row = self._model.called(before, self._name, call)
        if call.heard and row is not None and not same_answer(row, call.record):
            self._said[call.at] = row
            return Fit.NO, state
        if after is before:
            return Fit.SAME, state
        now = self._balance(after)
        if now == balance:
            return Fit.CHANGE, (after, entries, balance)
        if not self._is_next(call, entries, now - balance):
            return Fit.NO, state
        return Fit.CHANGE, (after, entries + 1, now)

    def _balance(self, state: State) -> Number:
        """Return what the account holds, 0 for what is none or isn't known."""
        if self._found is None or state is None:
            return 0
        held: Number = self._model.balance(state, self._name)
        return held

    def _may_be_another(self, request: Request) -> bool:
        """Say whether the entry that a request has may be that of another one without a key."""
        return bool(self._found and self._found.guessed and _nameless(request))

    def _is_next(self, call: Call, entries: int, moved: Number) -> bool:
        found = self._found
        if found is None or entries >= len(found.asked):
            return False
        mine, there = self._requests.get(call.at), found.asked[entries]
        if mine is None or there is None or found.entries[entries].amount != moved:
            return False
        # Of requests without a key any may have left the entry: their answers say which.
        return mine is there or (
            self._may_be_another(mine)
            and _nameless(there)
            and mine.moves[0].kind == there.moves[0].kind
        )

    def due(self, state: State, call: Call) -> bool | None:
        """Say whether the ledger's next entry is this call's: False if a later one is.

        None if that doesn't say when the call was done: it is refused, or comes again, or has none.
        """
        request = self._requests.get(call.at)
        if not request or request.entry < state[1] or call.record.outcome is Outcome.REFUSED:
            return None
        return None if self._may_be_another(request) else bool(request.entry == state[1])

    def alike(self, call: Call) -> object:
        """Return the amount and kind of a request without a key that was sent once."""
        request = self._requests.get(call.at)
        if request is None or len(request.moves) > 1 or not _nameless(request):
            return None
        return request.moves[0].amount, request.moves[0].kind

    def key(self, state: State) -> object:
        """Return the state as text: what the models are made of has no hash."""
        return state[1], repr(state[0])

    def over(self, state: State) -> bool:
        """Say whether every entry has been written."""
        return self._found is None or bool(state[1] == len(self._found.entries))

    def would_say(self, call: Call) -> str:
        """Return what the model last answered to a call instead of what the history has."""
        if call.at in self._said:
            return f"answers {_as_text(self._said[call.at])}"
        return "has it move credit at another place of the ledger"


def requests_of(found: Matched | None) -> dict[int, Request]:
    """Return of which request each call of an account is, by its number in the history."""
    return {
        move.at: request for request in (found.requests if found else ()) for move in request.moves
    }


def _nameless(request: Request) -> bool:
    move = request.moves[0]
    return not (move.key or move.reference)


def same_answer(row: Any, record: CallRecord) -> bool:
    """Say whether a model's row, or the message of its refusal, is what the history has.

    Members that one of the two doesn't have aren't compared, also inside JSON.
    """
    if isinstance(row, str):
        return str(record.result.get("message", "")) == row
    return not record.sqlstate and all(
        _agree(_plain(value), _plain(record.result[name]))
        for name, value in row.items()
        if name in record.result
    )


def _agree(said: Any, heard: Any) -> bool:
    if isinstance(said, dict) and isinstance(heard, dict):
        return all(heard.get(name) == value for name, value in said.items())
    return bool(said == heard)


def _plain(value: Any) -> Any:
    """Return a value so that the model's and the history's compare: parsed if it is JSON."""
    if isinstance(value, dict | list):
        return _as_json(value)
    text = render(value)
    if text and text[0] in "{[":
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text


def _as_json(value: Any) -> Any:
    """Return a value as it comes back from JSON: what that doesn't have is text."""
    if isinstance(value, dict):
        return {name: _as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_json(each) for each in value]
    return value if isinstance(value, _JSON) else str(value)


def _as_text(row: Any) -> str:
    if isinstance(row, str):
        return row
    return ", ".join(f"{name} = {json.dumps(_plain(value))}" for name, value in row.items())
