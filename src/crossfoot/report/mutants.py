"""Mutants in words: how many guards could go without the suite noticing, and which."""

from __future__ import annotations

from collections.abc import Sequence

from crossfoot.report.wording import counted
from crossfoot.results import Kill, MutantTotals, Run

FATES = {
    "gap": "nothing in the suite noticed that the guard was gone",
    "meant": "nothing noticed, and somebody wrote down why that is meant",
    "equivalent": "all that the checks could see was the same without it",
    "killed": "a check noticed",
    "stillborn": "not counted: PostgreSQL doesn't take the code without it",
}


def mutants(run: Run) -> list[Kill]:
    """Return the mutants that the run tried."""
    return [mutant for target in run.targets for mutant in target.mutants]


def by_fate(tried: Sequence[Kill]) -> dict[str, list[Kill]]:
    """Return the mutants by what became of them, gaps first; no entry for what none became."""
    found = {fate: [each for each in tried if each.fate == fate] for fate in FATES}
    return {fate: each for fate, each in found.items() if each}


def score(tried: Sequence[Kill]) -> str:
    """Return "81 of 84 mutants killed, 1 meant, 2 gaps; 20 equivalent, as far as the checks tell"."""
    totals = MutantTotals.of(tried)
    parts = [f"{totals.killed} of {counted(totals.tested, 'mutant')} killed"]
    parts += [f"{totals.meant} meant"] if totals.meant else []
    parts += [counted(totals.gaps, "gap")] if totals.gaps else []
    equal = f"{totals.equivalent} equivalent, as far as the checks tell"
    stillborn = f"{totals.stillborn} stillborn"
    rest = [equal] * bool(totals.equivalent) + [stillborn] * bool(totals.stillborn)
    return "; ".join([", ".join(parts), *rest])


def fate_of(mutant: Kill) -> str:
    """Return what became of a mutant, in words."""
    by = ", ".join(mutant.caught_by[:3])
    by += f" and {len(mutant.caught_by) - 3} more" if len(mutant.caught_by) > 3 else ""
    return ": ".join(part for part in (f"by {by}" if by else "", mutant.reason) if part)
