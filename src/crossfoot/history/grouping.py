"""Which calls of a history belong together, so that a model is asked about them: an account's, a thing's."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import ModuleType

from crossfoot.history.ledger import Ledger
from crossfoot.history.moves import Called
from crossfoot.history.reading import History, Shelf
from crossfoot.history.record import CallRecord
from crossfoot.verdicts import Outcome

MOST_CALLS = 20_000
"""Calls of one account or thing, unless the model says how many. Many copy their state with each."""
_NOTHING_LEFT = {Outcome.RETRYABLE, Outcome.ERROR}


def _numbers() -> array[int]:
    return array("L")


@dataclass
class Groups:
    """The calls of each account and of each thing that the model is asked about, by their numbers."""

    most: int
    accounts: set[str] = field(default_factory=set)
    calls: defaultdict[str, array[int]] = field(default_factory=lambda: defaultdict(_numbers))
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, calls: Iterable[int]) -> None:
        """Take calls in, unless there are too many of this name."""
        if name in self.left_out:
            return
        self.calls[name].extend(calls)
        if len(self.calls[name]) > self.most:
            del self.calls[name]
            self.left_out[name] = f"it has more calls than model.py is asked about: {self.most:,}"

    def shares(self, count: int) -> list[list[str]]:
        """Return the names in so many parts of about as many calls each."""
        shares: list[list[str]] = [[] for _ in range(count)]
        calls = [0] * count
        for name in sorted(self.calls, key=lambda name: (-len(self.calls[name]), name)):
            least = calls.index(min(calls))
            shares[least].append(name)
            calls[least] += len(self.calls[name])
        return shares


def group_calls(
    history: History, model: ModuleType, called: Called, ledger: Ledger, shelf: Shelf
) -> Groups:
    """Read the history again, and find out which of its calls the model can be asked about."""
    groups = Groups(getattr(model, "MOST_CALLS", MOST_CALLS), set(called.by_account) - {"?"})
    owners = _owners(called, groups.accounts)
    others = (set(called.by_account) | set(ledger.accounts)) - groups.accounts
    named_by = getattr(model, "NAMED_BY", "")
    nicknames: defaultdict[str, set[str]] = defaultdict(set)
    without: defaultdict[str, array[int]] = defaultdict(_numbers)
    for number, (_, record) in enumerate(history.calls(shelf)):
        if record.outcome in _NOTHING_LEFT:
            continue
        names = owners[number]
        touched = model.touched(record.operation, record.arguments, ledger.parts)
        more = [each for each in touched if each not in others]
        nickname = str(record.arguments.get(named_by, "")) if named_by else ""
        if not (names or more or nickname) or _elsewhere(model, record):
            continue
        for name in dict.fromkeys([*names, *more]):
            groups.add(name, (number,))
        if nickname:
            nicknames[nickname].update(names)
            if not names:
                without[nickname].append(number)
    for nickname, meant in nicknames.items():
        if len(meant) == 1:
            groups.add(next(iter(meant)), without[nickname])
    return groups


def _owners(called: Called, accounts: Iterable[str]) -> list[tuple[str, ...]]:
    """Return for each call of the history the accounts whose credit it was to move."""
    owners: list[tuple[str, ...]] = [()] * called.calls
    for name in sorted(accounts):
        alone = (name,)
        for move in called.by_account[name]:
            before = owners[move.at]
            owners[move.at] = (*before, name) if before else alone
    return owners


def _elsewhere(model: ModuleType, record: CallRecord) -> bool:
    if record.outcome is Outcome.UNKNOWN:
        return False
    answer = " ".join(str(value) for value in record.result.values())
    return any(fnmatchcase(answer, glob) for glob in getattr(model, "ELSEWHERE", ()))
