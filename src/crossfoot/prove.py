"""Prove that the suite can fail: every broken variant, and which checks catch it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crossfoot.bursts.stage import burst_stage, bursts_of
from crossfoot.errors import CrossfootError
from crossfoot.explorer.race import Race
from crossfoot.results import Check, Kill, KillMatrix
from crossfoot.stages import (
    Plan,
    books_stage,
    lint_stage,
    load_races,
    race_stage,
    retry_stage,
)
from crossfoot.target import Target
from crossfoot.variant import Variant, load_variants
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Form, Workbench

SIDE_BY_SIDE = 2
GLANCE = 16


def prove_plan(seed: int) -> Plan:
    """Return how variants are explored: one arena, so that the same schedules run every time."""
    return Plan(seed, schedules=300, first=True, arenas=1, replays=0)


@dataclass
class Prover:
    """Runs the checks against every form of every broken variant of one target.

    Lints, contracts and audits all run. A race that the variant's header names is explored up to its
    first counterexample. Of the other races that reach the change only the ``GLANCE`` schedules with
    the fewest preemptions run, and only on the variant as written: enough to see what shows without
    a subtle overlap. Of the bursts only those run that the header names: what a burst catches
    depends on how its calls fall, so one that isn't about the mistake would say nothing sure.
    """

    bench: Workbench
    plan: Plan
    told: Callable[[Kill], None] = lambda kill: None
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SIDE_BY_SIDE))

    async def prove(self, form: Form, names: Sequence[str] = ()) -> KillMatrix:
        """Return the kill matrix of the variants, or of those of these names.

        A variant that comes with ``unmask`` statements has two rows: as written, and without what
        masks it.
        """
        variants = [each for each in load_variants(form.target) if not names or each.name in names]
        known = {each.name for each in variants}
        if missing := [name for name in names if name not in known]:
            raise CrossfootError(
                f"{form.target.name} has no broken variant {missing[0]!r}",
                remedy="'crossfoot list' names them.",
            )
        for variant in variants:
            variant.files()  # raises for one that doesn't fit any more, before the others have run
        jobs = [
            self.kill(form, variant, unmasked=unmasked)
            for variant in variants
            for unmasked in ([False, True] if variant.unmask else [False])
        ]
        running = [asyncio.ensure_future(job) for job in jobs]
        try:
            kills = list(await asyncio.gather(*running))
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return KillMatrix(checks=_all_checks(kills, form.target), kills=kills)

    async def kill(self, form: Form, variant: Variant, *, unmasked: bool) -> Kill:
        """Put one variant in and say which checks catch it."""
        async with self._gate:
            started = time.perf_counter()
            kill = Kill(
                variant=variant.name,
                title=variant.title,
                mistake=variant.mistake,
                hurts=variant.hurts,
                form="without its constraint" if unmasked else "as written",
                expected=list(variant.expected(unmasked=unmasked)),
                verdict=Verdict.UNKNOWN,
            )
            async with self.bench.broken(form, variant, unmasked=unmasked) as broken:
                await self._check(kill, broken)
            kill.seconds = time.perf_counter() - started
            self.told(kill)
            return kill

    async def _check(self, kill: Kill, broken: Form) -> None:
        """Run the checks, and write down which failed and which expected one didn't."""
        races = load_races(broken.target, self.plan.seed)
        chosen = [race for race in races if await self._worthwhile(race, kill, broken)]
        checks = await lint_stage(self.bench, broken)
        checks += await books_stage(self.bench, broken, self.plan)
        checks += await retry_stage(self.bench, broken, self.plan, _disturbed(kill, broken))
        raced, violated = await race_stage(
            self.bench,
            broken,
            self.plan,
            chosen,
            budget=lambda race: None if _expects(kill, race) else GLANCE,
        )
        checks += raced
        bursts = bursts_of(broken.target)
        sent = [burst for burst in bursts if f"burst {burst.name}" in kill.expected]
        checks += await burst_stage(self.bench, broken, sent, self.plan.seed)
        failed = [name_of(check) for check in checks if check.verdict is Verdict.FAIL]
        failed += sorted(name for name in violated if name.startswith("audit "))
        kill.caught_by = list(dict.fromkeys(failed))
        kill.not_run = [f"race {race.name}" for race in races if race not in chosen]
        kill.not_run += [f"burst {burst.name}" for burst in bursts if burst not in sent]
        _conclude(kill, {name_of(c): c.reason for c in checks if c.verdict is Verdict.UNKNOWN})

    async def _worthwhile(self, race: Race, kill: Kill, broken: Form) -> bool:
        """Say whether to run a race: it is expected to fail, or might, as it calls what was changed."""
        return _expects(kill, race) or (not broken.unmasked and await self._reaches(race, broken))

    async def _reaches(self, race: Race, broken: Form) -> bool:
        """Say whether a race can call a function that the variant changed."""
        assert broken.variant
        files = broken.variant.files()
        changed = {name for name, (file, _) in broken.sources.items() if file in files}
        text = " ".join(c.query.text for s in race.sessions for t in s.transactions for c in t)
        return bool(changed & await self._called(text, broken))

    async def _called(self, text: str, broken: Form) -> set[str]:
        """Return the functions that SQL text calls, and those that they call in turn."""
        bodies = await self._bodies(broken)
        found: set[str] = set()
        front = [text]
        while front:
            body = front.pop()
            for name, source in bodies.items():
                short = name.rpartition(".")[2]
                if name not in found and re.search(rf"\b{re.escape(short)}\b", body):
                    found.add(name)
                    front.append(source)
        return found

    async def _bodies(self, broken: Form) -> dict[str, str]:
        connection = await self.bench.server.connect(broken.database)
        try:
            rows = await connection.fetch(
                "select format('%s.%s', n.nspname, p.proname), coalesce(p.prosrc, '')"
                " from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace"
                " where n.nspname = any ($1::text[])",
                broken.target.schemas,
            )
            return {row[0]: row[1] for row in rows}
        finally:
            await connection.close()


def name_of(check: Check) -> str:
    """Return how headers and matrices name a check: ``"race two_buyers_one_lead"``."""
    return f"{check.kind} {check.name}"


def _expects(kill: Kill, race: Race) -> bool:
    return f"race {race.name}" in kill.expected


def _disturbed(kill: Kill, broken: Form) -> set[str]:
    """Return the operations to be disturbed: the broken one, and those that are expected to fail."""
    assert broken.variant
    named = {name.removeprefix("retry ") for name in kill.expected if name.startswith("retry ")}
    return {broken.variant.operation, *named}


def _conclude(kill: Kill, undecided: dict[str, str]) -> None:
    """Set the verdict: pass if all that the header names failed, unknown if they couldn't run."""
    missed = [name for name in kill.expected if name not in kill.caught_by]
    if missed:
        kill.verdict = Verdict.UNKNOWN if undecided.keys() >= set(missed) else Verdict.FAIL
        kill.reason = "not caught by " + ", ".join(
            f"{name} ({undecided[name]})" if name in undecided else name for name in missed
        )
    elif kill.caught_by:
        kill.verdict = Verdict.PASS
    else:
        kill.verdict, kill.reason = Verdict.FAIL, "no check fails on it, and its header names none"


def _all_checks(kills: Sequence[Kill], target: Target) -> list[str]:
    """Return the columns of the matrix: every check that caught something, race and contract."""
    names = {name for kill in kills for name in [*kill.caught_by, *kill.expected]}
    names |= {
        f"race {path.name.removesuffix('.race.sql')}" for path in target.content.races(target.name)
    }
    names |= {
        f"contract {path.name.removesuffix('.contract.sql')}"
        for path in target.content.contracts(target.name)
    }
    order = {"race": 0, "burst": 1, "contract": 2, "retry": 3, "lint": 4, "audit": 5}
    return sorted(names, key=lambda name: (order.get(name.split(" ")[0], 9), name))
