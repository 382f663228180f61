"""A schedule in words, as race files keep it: who goes on, and before which statement he is left.

Choices by number fit one version of the code. Words survive an added statement or a renamed variable
elsewhere; and a statement that isn't there any more is simply never met.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from crossfoot.explorer.arena import Arena, Policy
from crossfoot.explorer.client import Place
from crossfoot.explorer.race import Race, Turn
from crossfoot.explorer.search import Follow
from crossfoot.explorer.trace import session_of

_LONGEST = 70  # characters of a statement that are kept
COMMIT = "commit"


@dataclass
class Pinned:
    """A policy: each turn lasts until its session stands before a statement, waits, or is through."""

    turns: Sequence[Turn]
    names: Sequence[str]
    overlapping: bool = True
    met: int = 0
    _rest: Follow = field(default_factory=Follow)

    def choose(self, enabled: tuple[int, ...], arena: Arena) -> int:
        """Return the session whose turn it is; when all turns are over, nobody is preempted."""
        while self.turns:
            turn = self.turns[0]
            index = self.names.index(turn.session) if turn.session in self.names else -1
            if turn.hasty and index in enabled:
                self.turns, self.met = self.turns[1:], 0
                return ~index
            if not turn.hasty and index in enabled and not self._left(turn, index, arena):
                return index
            self.turns, self.met = self.turns[1:], 0
        return self._rest.choose(enabled, arena)

    def passes(self, arena: Arena) -> int:
        """Return 0: it has to be asked at each step."""
        return 0

    def looks(self, arena: Arena) -> bool:
        """Return True: its schedule may be searched on from."""
        return True

    def _left(self, turn: Turn, index: int, arena: Arena) -> bool:
        """Say whether a turn's session stands where it is to be left."""
        if not turn.until:
            return False
        self.met += stands_before(arena, index).startswith(plain(turn.until))
        return self.met >= turn.times


@dataclass
class Recorder:
    """A policy that follows another one and writes down its turns."""

    policy: Policy
    overlapping: bool = True
    stood: list[dict[int, str]] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)

    def choose(self, enabled: tuple[int, ...], arena: Arena) -> int:
        """Return what the policy chooses."""
        self.stood.append({index: stands_before(arena, index) for index in enabled})
        self.chosen.append(self.policy.choose(enabled, arena))
        return self.chosen[-1]

    def passes(self, arena: Arena) -> int:
        """Return 0: it has to be asked at each step."""
        return 0

    def looks(self, arena: Arena) -> bool:
        """Return True: its schedule may be searched on from."""
        return True

    def turns(self, race: Race) -> tuple[Turn, ...]:
        """Return the turns of the schedule that was followed."""
        found: list[Turn] = []
        at = 0
        for index, run in groupby(self.chosen):
            start, at = at, at + len(list(run))
            session = race.sessions[session_of(index)].name
            if index < 0:
                found += [Turn(session, hasty=True)] * (at - start)
                continue
            left = self.stood[at].get(index, "") if at < len(self.stood) else ""
            until = _shortened(left)
            met = [stood[index].startswith(until) for stood in self.stood[start : at + 1] if until]
            found.append(Turn(session, until, sum(met) if until else 1))
        return tuple(found)


def stands_before(arena: Arena, index: int) -> str:
    """Return the statement that a session would run next, in lower case; "commit" before that."""
    client = arena.active[index]
    if client.place is Place.AT_STEP:
        return plain(arena.instrumented.steps[client.step].text)
    call = client.next_call if client.place is Place.READY else None
    return plain(call.shown) if call else COMMIT


def plain(text: str) -> str:
    """Return a statement's text as it compares."""
    return " ".join(text.lower().split())


def _shortened(text: str) -> str:
    """Cut a statement after a word, so that it can't be taken for one with a number of times."""
    while len(text) > _LONGEST or re.search(r"\(\d+\)$", text):
        text = text.rpartition(" ")[0]
        if not text:
            return ""
    return text
