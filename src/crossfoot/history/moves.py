"""What each call should have left in the ledger, by what target.toml says about its operation."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from sys import intern
from typing import Any

import msgspec

from crossfoot.errors import ContentError
from crossfoot.history.ledger import Number, number
from crossfoot.history.reading import History
from crossfoot.history.record import CallRecord
from crossfoot.rendering import render_row
from crossfoot.target import EntryOf, Operation, Target
from crossfoot.verdicts import Outcome

Arguments = Mapping[str, Any]
Text = Callable[[Arguments], str | None]

_NAME = re.compile(r":([A-Za-z_]\w*)")
_MOVING = {"account", "entry"}
_NEVER = 1 << 63


class Move(msgspec.Struct, gc=False, eq=False):
    """One movement of credit that one call asked for.

    ``amount`` is signed, None where the call doesn't say it, 0 for a call that only reads. ``told`` is
    the balance that its answer told. Calls of equal ``request`` (unless "") leave one entry together;
    ``key``, or ``reference``, is how that is found. ``short`` says that it was refused because the
    account doesn't hold enough. Times are those of :class:`CallRecord`; ``clock`` numbers the clocks
    of the history, and ``at`` its calls, from 0. The server's times are kept where there are several clocks.
    """

    at: int
    id: int
    clock: int
    session: str
    operation: str
    outcome: Outcome
    start: int
    end: int
    server_start: int
    server_end: int
    account: str
    request: str
    key: str
    reference: str
    kind: str
    amount: Number | None
    told: Number | None
    short: bool


@dataclass(frozen=True)
class _Binding:
    """One entry of an operation, its templates made into functions of the arguments."""

    when: tuple[str, str] | None
    account: Text
    key: Text
    reference: Text
    kind: Text
    request: Text
    amount: Callable[[CallRecord], Number | None]
    told: str

    @classmethod
    def of(cls, entry: EntryOf) -> _Binding:
        name, _, value = entry.when.removeprefix(":").partition(" = ")
        return cls(
            (name, value) if entry.when else None,
            _text(entry.account),
            _text(entry.key),
            _text(entry.reference),
            _text(entry.kind),
            _text(entry.request),
            _amount(entry.amount),
            entry.balance.removeprefix("result."),
        )

    def applies(self, call: CallRecord) -> bool:
        """Say whether this entry is one that a call with these arguments leaves."""
        return not self.when or str(call.arguments.get(self.when[0])) == self.when[1]

    def move(
        self, call: CallRecord, at: int, clock: int, *, short: bool, alone: bool
    ) -> Move | None:
        """Return what this call asked for, or None if its arguments don't say of which account.

        ``alone`` says that there is no other clock.
        """
        given = call.arguments
        account = self.account(given)
        key, reference = self.key(given) or "", self.reference(given) or ""
        if account is None or not (account or key or reference):
            return None
        kind = intern(self.kind(given) or "")
        request = self.request(given) or key or (f"{kind} {reference}" if reference else "")
        amount = self.amount(call)
        return Move(
            at,
            call.id,
            clock,
            intern(call.session),
            intern(call.operation),
            call.outcome,
            call.start,
            call.end,
            0 if alone else call.server_start,
            0 if alone else call.server_end,
            intern(account),
            request,
            key,
            reference,
            kind,
            amount,
            number(call.result.get(self.told)) if self.told and call.result else None,
            # Of two accounts the one that would have got something lacks nothing.
            short and (amount is None or amount < 0),
        )


def _text(template: str) -> Text:
    """Return a function that fills ``template`` in; it returns None if an argument isn't there."""
    names = _NAME.findall(template)
    if template == "".join(f":{name}" for name in names[:1]) and names:
        name = names[0]

        def single(given: Arguments) -> str | None:
            value = given.get(name)
            return value if value is None or type(value) is str else str(value)

        return single
    if not names:
        return lambda given: template
    parts = _NAME.split(template)

    def filled(given: Arguments) -> str | None:
        values = [given.get(name) for name in names]
        if None in values:
            return None
        return "".join([parts[0], *(f"{v}{p}" for v, p in zip(values, parts[2::2], strict=True))])

    return filled


def _amount(expression: str) -> Callable[[CallRecord], Number | None]:
    sign = -1 if expression.startswith("-") else 1
    bare = expression.removeprefix("-")
    if not bare:
        return lambda call: None
    if bare.startswith(":"):
        name = bare[1:]
        return lambda call: _signed(sign, call.arguments.get(name))
    if bare.startswith("result."):
        column = bare.removeprefix("result.")
        return lambda call: _signed(sign, call.result.get(column))
    fixed = sign * int(bare)
    return lambda call: fixed


def _signed(sign: int, value: object) -> Number | None:
    if type(value) is int:
        return sign * value
    found = number(value)
    return None if found is None else sign * found


@dataclass
class Called:
    """The calls of a history, by account, and what of them can't be judged.

    ``unbound`` counts calls that may have moved credit in a way that target.toml doesn't tell.
    ``origins`` is the first start on each clock; ``several`` names the operations that leave more
    than one entry. ``has_ledger`` says whether target.toml binds the relation ``entry``.
    """

    by_account: dict[str, list[Move]] = field(default_factory=dict)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    unbound: Counter[str] = field(default_factory=Counter)
    origins: dict[int, int] = field(default_factory=dict)
    several: frozenset[str] = frozenset()
    has_ledger: bool = True

    @property
    def calls(self) -> int:
        """Return how many calls there were, those without a movement included."""
        return sum(self.outcomes.values())


def read_moves(history: History, target: Target) -> Called:
    """Read a history to its end. Raises ContentError for a call of an unknown operation."""
    called = Called(has_ledger="entry" in target.relations)
    clocks = {name: number_ for number_, name in enumerate(history.clocks)}
    bindings = {
        name: [_Binding.of(entry) for entry in operation.entries]
        for name, operation in target.operations.items()
    }
    mute = {
        name
        for name, operation in target.operations.items()
        if not operation.entries and _MOVING & set(operation.moves)
    }
    by_account = called.by_account
    outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
    origins: dict[int, int] = {}
    for at, (file, call) in enumerate(history.calls()):
        outcomes[call.outcome] += 1
        clock = clocks[file.clock]
        if call.start < origins.get(clock, _NEVER):
            origins[clock] = call.start
        known = bindings.get(call.operation)
        if known is None:
            raise ContentError(
                f"{file.path}:{file.calls + 1}: {target.name} has no operation {call.operation!r}",
                remedy="Is this the history of another target, or of another version of it?",
            )
        moved = call.outcome in {Outcome.OK, Outcome.UNKNOWN}
        if moved and call.operation in mute:
            called.unbound[call.operation] += 1
        if not known:
            continue
        short = call.outcome is Outcome.REFUSED and _lacks(target.operations[call.operation], call)
        for binding in known:
            if not binding.applies(call):
                continue
            move = binding.move(call, at, clock, short=short, alone=len(clocks) == 1)
            if move:
                by_account.setdefault(move.account, []).append(move)
            elif moved:
                called.unbound[call.operation] += 1
    called.origins = origins
    called.several = frozenset(name for name, bound in bindings.items() if len(bound) > 1)
    called.outcomes = Counter({outcome: count for outcome, count in outcomes.items() if count})
    return called


def _lacks(operation: Operation, call: CallRecord) -> bool:
    if not operation.insufficient:
        return False
    message = str(call.result.get("message", "")) if call.sqlstate else ""
    return operation.lacks_credits(call.sqlstate, message, render_row(call.result))
