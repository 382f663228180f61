"""Who is told how a run goes on, and in which order when several targets have something to tell."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from crossfoot.results import Check, Exploration, Kill


class Listener(Protocol):
    """Who is told how a run goes on."""

    def stage(self, target: str, stage: str, total: int) -> None:
        """A stage with ``total`` checks begins (0: nobody knows)."""

    def check(self, check: Check) -> None:
        """A check is done."""

    def exploring(self, race: str, done: Exploration, left: int) -> None:
        """A schedule ran."""

    def kill(self, kill: Kill) -> None:
        """A broken variant is done."""


class Silent:
    """A listener that says nothing."""

    def stage(self, target: str, stage: str, total: int) -> None:
        """Say nothing."""

    def check(self, check: Check) -> None:
        """Say nothing."""

    def exploring(self, race: str, done: Exploration, left: int) -> None:
        """Say nothing."""

    def kill(self, kill: Kill) -> None:
        """Say nothing."""


class Turn:
    """A listener of one target among several: it passes on what it hears once it is its turn.

    So what is told has the order of the targets, though they are worked on side by side.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._kept: list[Callable[[], None]] | None = []

    def come(self) -> None:
        """Pass on what was said so far, and from now on at once."""
        kept, self._kept = self._kept or [], None
        for said in kept:
            said()

    def stage(self, target: str, stage: str, total: int) -> None:
        """Tell that a stage begins."""
        self._say(partial(self._listener.stage, target, stage, total))

    def check(self, check: Check) -> None:
        """Tell of a check that is done."""
        self._say(partial(self._listener.check, check))

    def exploring(self, race: str, done: Exploration, left: int) -> None:
        """Tell that a schedule ran, if anybody can hear it now."""
        if self._kept is None:
            self._listener.exploring(race, done, left)

    def kill(self, kill: Kill) -> None:
        """Tell of a broken variant that is done."""
        self._say(partial(self._listener.kill, kill))

    def _say(self, said: Callable[[], None]) -> None:
        if self._kept is None:
            said()
        else:
            self._kept.append(said)
