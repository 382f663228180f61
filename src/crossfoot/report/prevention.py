"""What would prevent each finding: isolation levels, locks and constraints that were tried on it."""

from __future__ import annotations

from dataclasses import dataclass

from crossfoot.report.overview import Found, live
from crossfoot.results import Finding, Remedy, Run

KINDS = (
    "repeatable read",
    "serializable",
    "row lock",
    "lock on a key",
    "constraint",
    "error passed on",
)


@dataclass(frozen=True)
class Grid:
    """A row per finding, with its place among the live ones (from 1); a cell per kind of remedy."""

    rows: list[tuple[int, Found, list[list[Remedy]]]]


def cures(finding: Finding) -> list[Remedy]:
    """Return all that was tried on a finding: levels first, then changes of the code."""
    levels = []
    for line in finding.prevention:
        level, _, says = line.partition(": ")
        levels.append(Remedy(what=level, holds=says.startswith("no failure"), says=says))
    return [*levels, *finding.remedies]


def kind_of(remedy: Remedy) -> str:
    """Return the column that a remedy belongs to."""
    if remedy.what in KINDS:
        return remedy.what
    if remedy.what.startswith(("for ", "lock table")):
        return "row lock"
    if remedy.what.startswith("retryable errors"):
        return "error passed on"
    return "lock on a key" if "advisory" in remedy.what else "constraint"


def grid(run: Run) -> Grid:
    """Return what would prevent what; only findings on which something was tried."""
    rows = []
    for place, found in enumerate(live(run), start=1):
        tried = cures(found.finding)
        cells = [[each for each in tried if kind_of(each) == kind] for kind in KINDS]
        if tried:
            rows.append((place, found, cells))
    return Grid(rows)


def cost(remedy: Remedy) -> str:
    """Return what a remedy costs: "6 of them wait for a lock"."""
    return remedy.says.rpartition("; ")[2]
