"""A generated race before it is a file: who calls what on which entities, and what leads up to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from crossfoot.explorer.race import Race, load_race
from crossfoot.pairs.cast import Cast, Stage
from crossfoot.pairs.slots import Callable
from crossfoot.target import Target

_NAMES = ("first", "second", "third")


@dataclass(frozen=True)
class Turn:
    """One call: an operation, and who its arguments are."""

    operation: Callable
    cast: Cast

    @property
    def name(self) -> str:
        """Return the operation's name."""
        return self.operation.name

    def on(self, target: Target) -> tuple[str, ...]:
        """Return the operation and its entities: what tells calls apart but for keys and amounts."""
        stage = Stage(target.fixtures)
        return self.name, *(
            self.cast.argument(slot, stage)
            for slot in self.operation.slots
            if slot.kind not in {"key", "constant"}
        )


Transaction = tuple[Turn, ...]


@dataclass(frozen=True)
class Plot:
    """A race to be: transactions per session. ``before`` are calls that the set-up makes.

    ``says`` is how the calls meet, ``property`` and ``allow`` go into the header.
    """

    name: str
    says: str
    sessions: tuple[tuple[Transaction, ...], ...]
    before: tuple[Turn, ...] = ()
    allow: str = ""
    origin: str = "Generated from the operations and fixtures of target.toml."

    @property
    def turns(self) -> list[Turn]:
        """Return the calls of all sessions."""
        return [turn for session in self.sessions for each in session for turn in each]

    @property
    def operations(self) -> list[str]:
        """Return the operations of all calls, in order; one that is called twice is there twice."""
        return [turn.name for turn in self.turns]

    def setup(self, target: Target) -> tuple[Stage, list[str]]:
        """Return the stage with everybody on it who the race needs, and the statements of its set-up."""
        stage = Stage(target.fixtures)
        before = [
            stage.call(turn.operation, replace(turn.cast, key=f"before{number}"))
            for number, turn in enumerate(self.before)
        ]
        for turn in self.turns:
            stage.call(turn.operation, turn.cast)
        return stage, list(stage.setup(before, target.target.role))

    def text(self, target: Target) -> str:
        """Return the race file."""
        stage, setup = self.setup(target)
        values = ", ".join(f"{name} {kind}" for name, kind in stage.declared.items())
        lines = [
            f"-- title:   {self.says}",
            "-- property: serial, state, ledger",
            *([f"-- allow:   {self.allow}"] if self.allow else []),
            "--",
            f"-- {self.origin}",
            "",
            f"-- @values {values}" if values else "",
            "",
            "-- @setup",
            *setup,
            "",
            *self._sessions(stage),
        ]
        return "\n".join(line for at, line in enumerate(lines) if line or lines[at - 1])

    def _sessions(self, stage: Stage) -> Iterator[str]:
        for name, session in zip(_NAMES, self.sessions, strict=False):
            yield f"-- @session {name}"
            for transaction in session:
                together = len(transaction) > 1
                yield from ["begin;"] * together
                for turn in transaction:
                    yield f"-- @call {turn.name}"
                    yield f"{stage.call(turn.operation, turn.cast).strip().rstrip(';')};"
                yield from ["commit;"] * together
            yield ""


def write_plot(plot: Plot, target: Target, folder: Path, seed: int) -> Race:
    """Write the race file into ``folder`` and return the race."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{plot.name}.race.sql"
    path.write_text(plot.text(target), encoding="utf-8")
    return load_race(path, target, seed)
