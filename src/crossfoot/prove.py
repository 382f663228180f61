"""Prove that the suite can fail: every broken variant, and which checks catch it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crossfoot.errors import CrossfootError
from crossfoot.explorer.race import Race
from crossfoot.results import Check, Kill, KillMatrix
from crossfoot.stages import Plan, books_stage, lint_stage, load_races, race_stage
from crossfoot.target import Target
from crossfoot.variant import Variant, load_variants
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Form, Workbench

SIDE_BY_SIDE = 2


@dataclass
class Prover:
    """Runs every check against every form of every broken variant of one target."""

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
        races = load_races(form.target, self.plan.seed)
        jobs = [
            self._one(form, variant, unmasked, races)
            for variant in variants
            for unmasked in ([False, True] if variant.unmask else [False])
        ]
        kills = list(await asyncio.gather(*jobs))
        return KillMatrix(checks=_all_checks(kills, form.target, races), kills=kills)

    async def _one(
        self, form: Form, variant: Variant, unmasked: bool, races: Sequence[Race]
    ) -> Kill:
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
                await self._check(kill, broken, races)
            kill.seconds = time.perf_counter() - started
            self.told(kill)
            return kill

    async def _check(self, kill: Kill, broken: Form, races: Sequence[Race]) -> None:
        """Run every check that can reach the change; write down which failed."""
        reaching = [race for race in races if await self._reaches(race, broken)]
        checks = await lint_stage(self.bench, broken) + await books_stage(
            self.bench, broken, self.plan
        )
        raced, violated = await race_stage(self.bench, broken, self.plan, reaching)
        failed = [name_of(check) for check in [*checks, *raced] if check.verdict is Verdict.FAIL]
        failed += sorted(name for name in violated if name.startswith("audit "))
        kill.caught_by = list(dict.fromkeys(failed))
        kill.not_run = [f"race {race.name}" for race in races if race not in reaching]
        missed = [name for name in kill.expected if name not in kill.caught_by]
        stuck = {name_of(c): c.reason for c in [*checks, *raced] if c.verdict is Verdict.UNKNOWN}
        if not missed:
            kill.verdict = Verdict.PASS if kill.caught_by else Verdict.FAIL
            kill.reason = (
                "" if kill.caught_by else "no check fails on it, and its header names none"
            )
        else:
            unknown = [name for name in missed if name in stuck]
            kill.verdict = Verdict.UNKNOWN if unknown == missed else Verdict.FAIL
            kill.reason = "not caught by " + ", ".join(
                f"{name} ({stuck[name]})" if name in stuck else name for name in missed
            )

    async def _reaches(self, race: Race, broken: Form) -> bool:
        """Say whether a race can call what the variant changed. A change without function reaches all."""
        assert broken.variant
        place = broken.variant.changed_file
        changed = {name for name, (file, _) in broken.sources.items() if file == place}
        if not changed:
            return True
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


def _all_checks(kills: Sequence[Kill], target: Target, races: Sequence[Race]) -> list[str]:
    """Return the columns of the matrix: every check that caught something, and every race."""
    names = {name for kill in kills for name in [*kill.caught_by, *kill.expected]}
    names |= {f"race {race.name}" for race in races}
    names |= {
        f"contract {path.name.removesuffix('.contract.sql')}"
        for path in target.content.contracts(target.name)
    }
    order = {"race": 0, "contract": 1, "lint": 2, "audit": 3}
    return sorted(names, key=lambda name: (order.get(name.split(" ")[0], 9), name))
