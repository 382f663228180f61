"""A burst's calls as a history: written down, and held against the ledger that they left."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from crossfoot.bursts.burst import Burst
from crossfoot.history.judge import judge
from crossfoot.history.ledger import NAME, read_ledger, read_opening, save_ledger
from crossfoot.history.reading import open_history
from crossfoot.history.record import CallRecord, Recorder
from crossfoot.results import Check
from crossfoot.target import Operation, Target

_NAME = re.compile(r":([A-Za-z_]\w*)")


def key_of(operation: Operation | None, arguments: Mapping[str, Any]) -> str:
    """Return the key that a call sends, as ``entries`` of its operation names it: ":request_id".

    Empty if it sends none, or none whose argument is known.
    """
    for entry in operation.entries if operation else ():
        names = _NAME.findall(entry.key or entry.request)
        if len(names) == 1 and arguments.get(names[0]) is not None:
            return str(arguments[names[0]])
    return ""


class LedgerCheck:
    """Holds a burst's calls against the ledger. Made, and begun, before the first of them.

    It can speak of what target.toml tells, the ledger and the entries of the operations called, and of
    what the target's model is about besides accounts.
    """

    def __init__(self, control: asyncpg.Connection, target: Target, burst: Burst) -> None:
        self._control = control
        self._target = target
        self._opening: dict[str, int] = {}
        self.possible = "entry" in target.relations and not burst.program

    async def begin(self) -> None:
        """Note where each account's ledger stands."""
        if self.possible:
            self._opening = await read_opening(self._control, self._target)

    async def checks(self, calls: Sequence[CallRecord], recorder: Recorder) -> list[Check]:
        """Write the history and the ledger beside it; return what their checks say, if there are any."""
        with recorder:
            for call in sorted(calls, key=lambda each: (each.end == 0, each.end)):
                recorder.add(call)
        if not self.possible:
            return []
        place = recorder.path.with_name(NAME)
        await save_ledger(self._control, self._target, place, self._opening)
        ledger = read_ledger(place, self._target.name)
        return judge(open_history([recorder.path]), self._target, ledger).checks
