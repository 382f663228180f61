"""The stage of a run that sends a target's bursts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from crossfoot.bursts.burst import FEWEST, MOST, Burst, load_bursts
from crossfoot.bursts.check import BurstRun, Record
from crossfoot.errors import CrossfootError
from crossfoot.results import Check
from crossfoot.target import Target
from crossfoot.workbench import Form, Workbench


def bursts_of(target: Target, names: Sequence[str] = ()) -> list[Burst]:
    """Return the target's bursts, or those of these names (globs). Raises ContentError."""
    bursts = load_bursts(target)
    return [b for b in bursts if not names or any(fnmatchcase(b.name, each) for each in names)]


def with_bursts(targets: Sequence[Target], names: Sequence[str]) -> list[Target]:
    """Return the targets that have bursts of these names. Raises CrossfootError if none has."""
    found = [target for target in targets if bursts_of(target, names)]
    if not found:
        known = [burst.name for target in targets for burst in load_bursts(target)]
        raise CrossfootError(
            f"no burst {', '.join(repr(name) for name in names)}" if names else "no bursts",
            remedy=f"Bursts: {', '.join(known)}."
            if known
            else "They lie in scenarios/bursts/<target>/*.burst.sql, beside target.toml.",
        )
    return found


async def burst_stage(
    bench: Workbench,
    form: Form,
    bursts: Sequence[Burst],
    seed: int,
    *,
    callers: int | None = None,
    record: Record | None = None,
    told: Callable[[Check], None] = lambda check: None,
) -> list[Check]:
    """Run bursts one after another in a clone; return a check for each.

    ``callers`` takes the place of what the files say. Raises CrossfootError where it can't.
    """
    checks: list[Check] = []
    if not bursts:
        return checks
    async with bench.ground(form) as ground:
        for number, burst in enumerate(bursts):
            many = callers_of(burst, callers)
            check = await BurstRun(ground, burst, seed + number, many, record).check()
            checks.append(check)
            told(check)
    return checks


def callers_of(burst: Burst, asked: int | None) -> int:
    """Return how many callers a burst has. Raises CrossfootError if it can't have so many."""
    many = burst.callers if asked is None else asked
    least = max(FEWEST, 2 * burst.spread)
    if not least <= many <= MOST:
        raise CrossfootError(
            f"{burst.file}: {many} callers on {burst.spread} entities",
            remedy=f"It takes {least} to {MOST}: two to each entity at least.",
        )
    return many
