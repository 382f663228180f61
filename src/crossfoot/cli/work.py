"""What each command does, between its options and the screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossfoot.bursts.burst import load_bursts
from crossfoot.bursts.stage import bursts_of, callers_of, with_bursts
from crossfoot.checks.audits import AuditSet, load_audits
from crossfoot.checks.contracts import load_contract
from crossfoot.checks.lints import load_lints
from crossfoot.cli.show import Screen
from crossfoot.errors import ContentError, CrossfootError
from crossfoot.explorer.token import Token
from crossfoot.generated import Making
from crossfoot.mutate.mutate import Choice
from crossfoot.report import write_report
from crossfoot.results import Run
from crossfoot.run import Runner
from crossfoot.server import open_existing, open_server
from crossfoot.stages import Plan, load_races
from crossfoot.target import Target, find_targets
from crossfoot.variant import Variant, load_variants

_SPARE = 60  # connections beside those of a burst's callers


@dataclass(frozen=True)
class Job:
    """What every command that runs something is told."""

    command: str
    screen: Screen
    plan: Plan
    dsn: str | None
    keep: bool
    out: Path


async def run(job: Job, names: Sequence[str], *, prove: bool) -> Run:
    """Run every stage and write the report."""
    targets = find_targets(names)
    connections = _connections(targets)
    async with open_server(job.dsn, keep=job.keep, connections=connections) as server:
        with job.screen.live():
            runner = Runner(server, job.plan, job.command, job.screen, out=job.out)
            result = await runner.everything(targets, prove=prove)
        _write(job, result, server.keep_hint() if job.keep else "")
    return result


async def race(
    job: Job,
    name: str | None,
    races: Sequence[str],
    variant: str | None,
    *,
    unmasked: bool,
    making: Making | None = None,
) -> Run:
    """Explore races alone, of a target or of a broken variant of it: its own, or made ones."""
    if making:
        making.check()
    targets = find_targets([name] if name else [])
    if not name and races and not making:
        targets = _with_races(targets, races)
    broken = _variant(targets[0], variant) if variant else None
    async with open_server(job.dsn, keep=job.keep, connections=_SPARE) as server:
        with job.screen.live():
            runner = Runner(server, job.plan, job.command, job.screen)
            result = await runner.races(targets, races, broken, unmasked=unmasked, making=making)
        _write(job, result, server.keep_hint() if job.keep else "")
    return result


async def burst(
    job: Job,
    names: Sequence[str],
    only: Sequence[str],
    callers: int | None,
    variant: str | None,
    *,
    unmasked: bool,
) -> Run:
    """Send bursts alone, at targets or at a broken variant of the first."""
    targets = with_bursts(find_targets(names), only)
    broken = _variant(targets[0], variant) if variant else None
    connections = _connections(targets, only, callers)
    async with open_server(job.dsn, keep=job.keep, connections=connections) as server:
        with job.screen.live():
            runner = Runner(server, job.plan, job.command, job.screen, out=job.out)
            result = await runner.bursts(targets, only, callers, broken, unmasked=unmasked)
        _write(job, result, server.keep_hint() if job.keep else "")
    return result


def _connections(
    targets: Sequence[Target], bursts: Sequence[str] = (), callers: int | None = None
) -> int:
    """Return how many connections a server needs for these bursts, and for what else a run does.

    A step reads PostgreSQL's lock table, and that takes the longer the more connections there may be.
    """
    sizes = [callers_of(each, callers) for t in targets for each in bursts_of(t, bursts)]
    return max(sizes, default=0) + _SPARE


async def prove(job: Job, names: Sequence[str], variants: Sequence[str]) -> Run:
    """Run the broken variants and write the kill matrix."""
    targets = find_targets(names)
    async with open_server(job.dsn, connections=_connections(targets)) as server:
        with job.screen.live():
            result = await Runner(server, job.plan, job.command, job.screen).proof(
                targets, variants
            )
        _write(job, result)
    return result


async def mutate(job: Job, names: Sequence[str], choice: Choice) -> Run:
    """Take guards away, one at a time, and write what became of each mutant."""
    targets = find_targets(names)
    async with open_server(job.dsn) as server:
        with job.screen.live():
            runner = Runner(server, job.plan, job.command, job.screen)
            result = await runner.mutation(targets, choice, job.out / "pairs")
        _write(job, result)
    return result


async def replay(job: Job, text: str, name: str | None) -> Run:
    """Run one schedule again."""
    token = Token.parse(text)
    target = find_targets([name or token.target])[0]
    broken = _variant(target, token.variant) if token.variant else None
    async with open_server(job.dsn, keep=job.keep) as server:
        with job.screen.live():
            plan = Plan(token.seed)
            runner = Runner(server, plan, job.command, job.screen, out=job.out)
            result = await runner.replay(target, token, broken)
        _write(job, result, server.keep_hint() if job.keep else "")
    return result


async def audit(job: Job, name: str | None, timeout: float) -> Run:
    """Audit an existing database without writing to it."""
    target = _the_target(name)
    if not job.dsn:
        raise CrossfootError(
            "which database? audit reads one that exists",
            remedy="Give --dsn postgresql://user@host/database, or set CROSSFOOT_DSN.",
        )
    async with open_existing(job.dsn) as existing:
        with job.screen.live():
            runner = Runner(existing, job.plan, job.command, job.screen)
            result = await runner.audits(target, timeout)
        _write(job, result)
    return result


def audit_sql(name: str | None) -> str:
    """Return the SQL of every applicable audit, as PostgreSQL gets it."""
    target = _the_target(name)
    audits = AuditSet.of(target).applicable
    return "\n\n".join(f"-- {each.name}: {each.title}\n{each.composed(target)};" for each in audits)


def shelf(names: Sequence[str]) -> dict[str, Any]:
    """Return what there is, with a sentence for each."""
    targets = find_targets(names)
    audits = {a.name: a for target in targets for a in load_audits(target.content)}
    lints = {each.name: each for target in targets for each in load_lints(target)}
    return {
        "targets": [_target_shelf(target) for target in targets],
        "audits": {name: each.title for name, each in sorted(audits.items())},
        "lints": {name: each.title for name, each in sorted(lints.items())},
    }


def _target_shelf(target: Target) -> dict[str, Any]:
    contracts = [load_contract(p, target, 1) for p in target.content.contracts(target.name)]
    return {
        "name": target.name,
        "about": target.about,
        "operations": {name: each.about or each.call for name, each in target.operations.items()},
        "races": {each.name: each.title for each in load_races(target, 1)},
        "bursts": {each.name: each.title for each in load_bursts(target)},
        "contracts": {each.name: each.title for each in contracts},
        "broken variants": {each.name: each.title for each in load_variants(target)},
    }


def _the_target(name: str | None) -> Target:
    targets = find_targets([name] if name else [])
    if len(targets) != 1:
        raise CrossfootError(
            "which target?",
            remedy=f"Give --target; there are: {', '.join(t.name for t in targets)}.",
        )
    return targets[0]


def _with_races(targets: Sequence[Target], races: Sequence[str]) -> list[Target]:
    """Return the targets that have the named races."""
    found: list[Target] = []
    for target in targets:
        try:
            load_races(target, 1, races)
        except ContentError:
            continue
        found.append(target)
    if not found:
        load_races(targets[0], 1, races)
    return found


def _variant(target: Target, name: str) -> Variant:
    for variant in load_variants(target):
        if variant.name == name:
            return variant
    known = ", ".join(variant.name for variant in load_variants(target))
    raise CrossfootError(
        f"{target.name} has no broken variant {name!r}", remedy=f"It has: {known}."
    )


def _write(job: Job, run: Run, hint: str = "") -> None:
    """Write the report into a folder of its own and point ``latest`` at it."""
    folder = job.out / run.run_id
    try:
        files = write_report(run, folder)
        _point(job.out / "latest", run.run_id)
    except OSError as error:
        raise CrossfootError(
            f"{folder}: the report can't be written: {error.strerror}",
            remedy="Choose another --out.",
        ) from error
    job.screen.conclusion(run, files["html"], hint)


def _point(link: Path, name: str) -> None:
    partial = link.with_name(f".latest-{name}")
    try:
        partial.symlink_to(name, target_is_directory=True)
        partial.replace(link)
    except OSError:
        # No symlinks here (Windows without the privilege): the newest folder sorts last anyway.
        partial.unlink(missing_ok=True)
