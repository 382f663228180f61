"""A counterexample as a finding: named, explained, drawn, confirmed, and with what would prevent it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from crossfoot.apply import Sources
from crossfoot.checks.audits import AuditSet
from crossfoot.counterexample import explain
from crossfoot.counterexample.anomaly import name_of, needs_overlap
from crossfoot.counterexample.evidence import Evidence, changes, gather
from crossfoot.counterexample.lanes import lanes_of
from crossfoot.counterexample.psql_script import Recipe, look_at, script
from crossfoot.counterexample.regression import regression_race
from crossfoot.counterexample.remedies import tried
from crossfoot.counterexample.trial import at_stronger_levels
from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.deviations import preemptions
from crossfoot.explorer.judge import Judge, Judgement
from crossfoot.explorer.race import Race
from crossfoot.explorer.search import Follow
from crossfoot.explorer.stillness import StuckError
from crossfoot.explorer.token import Token
from crossfoot.explorer.trace import Trace
from crossfoot.results import Finding


@dataclass
class Counterexample:
    """A failing schedule."""

    trace: Trace
    judgement: Judgement

    @property
    def cost(self) -> tuple[int, int, int, tuple[int, ...]]:
        """Return what makes a schedule hard to read: preemptions, switches, length."""
        order = [event.session for event in self.trace.events if event.kind in {"step", "commit"}]
        switches = sum(a != b for a, b in pairwise(order))
        return preemptions(self.trace), switches, len(order), self.trace.choices


@dataclass
class Telling:
    """Tells one counterexample of a race.

    With ``replays`` it is looked at closely: run again so many times, compared with what the calls
    do alone, tried at stronger isolation levels (``schedules`` at each) and with remedies. With 0
    it is only noted.
    """

    race: Race
    found: Counterexample
    judge: Judge
    arenas: Sequence[Arena]
    audits: AuditSet
    sources: Sources
    token: Token
    recipe: Recipe
    replays: int
    schedules: int

    async def finding(self) -> Finding:
        """Return the finding."""
        seen, judgement = self.found.trace, self.found.judgement
        trace = await self._told()
        arena, audits = self.arenas[0], self.audits
        evidence = await gather(arena, self.race, trace) if self.replays else None
        named = name_of(judgement, trace, audits.applicable, evidence, arena.instrumented)
        finding = Finding(
            subject=self.race.name,
            anomaly=named.name,
            summary=explain.summary(judgement, seen, self.race, named.name),
            explanation=explain.explanation(judgement, seen, self.race, named.why),
            violates=judgement.violates,
            lanes=lanes_of(trace, self.race, arena.instrumented, self.sources),
            serial=explain.serial_lines(judgement.right, self.race),
            rows=[{"audit": o.audit, **o.row} for o in judgement.offences[:10]],
            replay=f"crossfoot replay {replace(self.token, choices=self.found.trace.choices)}",
            confirmed=await self._confirm(),
        )
        if self.replays:
            levels = await at_stronger_levels(self.race, self.arenas, self.audits, self.schedules)
            finding.prevention = [f"{d.isolation}: {explain.at_level(d)}" for d in levels]
            if evidence and needs_overlap(judgement, trace):
                finding.remedies = await tried(arena, evidence, audits, self.sources)
            finding.script = self._script(trace, evidence, finding.summary)
            finding.regression_race = await regression_race(
                self.race, arena, Follow(self.found.trace.choices), finding
            )
        return finding

    def _script(self, trace: Trace, evidence: Evidence | None, summary: str) -> str:
        offences, by_name = (
            self.found.judgement.offences,
            {a.name: a for a in self.audits.applicable},
        )
        audit = by_name[offences[0].audit].composed(self.audits.target) if offences else ""
        changed = changes(evidence.before, evidence.after) if evidence else []
        tables = sorted({change.table for change in changed})
        return script(
            self.race,
            trace,
            self.arenas[0].instrumented,
            self.recipe,
            summary=summary,
            look=look_at(self.race, tables, audit, trace),
        )

    async def _told(self) -> Trace:
        """Return the same schedule with what its variables were; as it is if it doesn't repeat."""
        trace = self.found.trace
        try:
            again = await self.arenas[0].told(self.race, Follow(trace.choices, whole=True))
        except (NotDeterministicError, StuckError):
            return trace
        same = [event.kind for event in again.events] == [event.kind for event in trace.events]
        return again if same else trace

    async def _confirm(self) -> tuple[int, int] | None:
        """Replay the counterexample; return how often it failed again, of how many times."""
        again = 0
        for number in range(self.replays):
            arena = self.arenas[number % len(self.arenas)]
            try:
                trace = await arena.run(self.race, Follow(self.found.trace.choices))
            except (NotDeterministicError, StuckError):
                continue
            again += bool((await self.judge.judge(trace, arena)).violates)
        return (again, self.replays) if self.replays else None
