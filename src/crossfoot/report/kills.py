"""Broken variants × checks: which check failed on which known mistake, and which should have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crossfoot.results import Kill, KillMatrix
from crossfoot.verdicts import Verdict


class Mark(StrEnum):
    """What became of one check on one broken variant."""

    CAUGHT = "caught, as expected"
    MISSED = "expected to catch it, and did not"
    ALSO = "caught it too"
    UNDECIDED = "expected to catch it, and could not be tried"
    NOT_RUN = "not run: it never reaches what the variant changed"
    QUIET = "did not fail"


SIGNS = {
    Mark.CAUGHT: "●",
    Mark.MISSED: "✗",
    Mark.ALSO: "○",
    Mark.UNDECIDED: "?",
    Mark.NOT_RUN: "–",
    Mark.QUIET: "",
}


@dataclass(frozen=True)
class Grid:
    """The kill matrix as it is drawn.

    ``checks`` are those that caught or should have caught something; ``idle`` are the others, which
    no variant has shown to be able to fail. ``rows`` hold a mark per check of ``checks``.
    """

    checks: tuple[str, ...]
    idle: tuple[str, ...]
    rows: tuple[tuple[Kill, tuple[Mark, ...]], ...]


def grid(kill_matrix: KillMatrix) -> Grid:
    """Return the grid of ``kill_matrix``, its checks in their order."""
    named = dict.fromkeys(
        [
            *kill_matrix.checks,
            *(name for kill in kill_matrix.kills for name in (*kill.expected, *kill.caught_by)),
        ]
    )
    busy = {name for kill in kill_matrix.kills for name in (*kill.expected, *kill.caught_by)}
    checks = tuple(name for name in named if name in busy)
    rows = tuple((kill, tuple(mark(kill, check) for check in checks)) for kill in kill_matrix.kills)
    return Grid(checks, tuple(name for name in named if name not in busy), rows)


def mark(kill: Kill, check: str) -> Mark:
    """Return what ``check`` did on the variant."""
    if check in kill.caught_by:
        return Mark.CAUGHT if check in kill.expected else Mark.ALSO
    if check in kill.not_run:
        return Mark.NOT_RUN
    if check not in kill.expected:
        return Mark.QUIET
    return Mark.UNDECIDED if kill.verdict is Verdict.UNKNOWN else Mark.MISSED
