"""Explore one race: every schedule that fits the budget, judged, the worst one confirmed and drawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from crossfoot.apply import Sources
from crossfoot.checks.audits import AuditSet
from crossfoot.counterexample.pinned import Pinned
from crossfoot.counterexample.psql_script import Recipe
from crossfoot.counterexample.telling import Counterexample, Telling
from crossfoot.counterexample.trial import count
from crossfoot.counterexample.wording import ending
from crossfoot.errors import ContentError
from crossfoot.explorer.arena import Arena, NotDeterministicError
from crossfoot.explorer.judge import Judge, Judgement
from crossfoot.explorer.race import Call, Race
from crossfoot.explorer.search import Follow, Search
from crossfoot.explorer.stillness import StuckError
from crossfoot.explorer.token import Token
from crossfoot.explorer.trace import Trace
from crossfoot.results import Check, Exploration, Finding, Kind, Property
from crossfoot.verdicts import Outcome, Verdict

_AT_OTHER_LEVELS = 60  # schedules
NOTHING_RACED = "nothing was raced"
REPLAYS = 10


@dataclass(frozen=True)
class Bounds:
    """How far to look.

    ``schedules`` at most per race; ``first`` stops at the first counterexample; a counterexample is
    minimised and then run again ``replays`` times, or neither for 0.
    """

    schedules: int = 1000
    first: bool = False
    replays: int = REPLAYS


@dataclass
class Explorer:
    """Explores the races of one (instrumented) form of one target."""

    arenas: Sequence[Arena]
    audits: AuditSet
    bounds: Bounds
    sources: Sources
    token: Token
    progress: Callable[[str, Exploration, int], None] = lambda name, done, left: None
    violated: set[str] = field(default_factory=set)
    recipe: Recipe = field(default_factory=Recipe)

    async def explore(self, race: Race, schedules: int | None = None) -> Check:
        """Return the race's check: pass, fail with one finding, or unknown with the reason.

        ``schedules`` is a budget for this race alone.
        """
        started = time.perf_counter()
        for arena in self.arenas:
            await arena.open(len(race.sessions))
        work = _Exploring(self, race)
        work.search.budget = schedules or self.bounds.schedules
        check = work.new_check()
        try:
            stuck = await work.search_all()
            check.findings = await work.findings()
        except (NotDeterministicError, StuckError) as error:
            check.verdict, check.reason = Verdict.UNKNOWN, str(error)
        else:
            check.verdict, check.reason = work.verdict(check.findings, stuck)
        check.exploration = work.done
        check.seconds = time.perf_counter() - started
        return check

    async def replay(self, race: Race, token: Token) -> Check:
        """Run one schedule again and return the race's check with it, drawn whether it fails or not."""
        for arena in self.arenas:
            await arena.open(len(race.sessions))
        work = _Exploring(self, race)
        work.without = token.without
        check = work.new_check()
        try:
            trace = await self.arenas[0].run(race, Follow(token.choices))
            if trace.choices[: len(token.choices)] != token.choices:
                raise NotDeterministicError("the schedule ended before its choices")
            if trace.patient:
                raise StuckError(f"{race.name}: all wait, until one loses its patience")
            judgement = await work.judge.judge(trace, self.arenas[0])
            work.count(trace, judgement)
            work.worst = Counterexample(trace, judgement)
            check.findings = [await work.finding()]
        except (NotDeterministicError, StuckError) as error:
            check.reason = f"{error}. Has the code changed since?"
            return check
        check.verdict = Verdict.FAIL if judgement.violates else Verdict.PASS
        work.done.preemption_bound = None
        check.exploration = work.done
        return check


class _Exploring:
    """One race being explored."""

    def __init__(self, explorer: Explorer, race: Race, without: tuple[int, ...] = ()) -> None:
        self.explorer = explorer
        self.without = without
        self.race = race.without(without) if without else race
        self.judge = Judge(self.race, explorer.audits)
        self.search = Search(explorer.bounds.schedules, mirror=True)
        self.done = Exploration(isolation=race.isolation)
        self.worst: Counterexample | None = None
        self.whole = race
        self.succeeded: set[str] = set()  # operations, and calls that are none
        self.answered: set[int] = set()  # lines of calls that ended otherwise than in an error
        self.failures: dict[int, str] = {}

    def new_check(self) -> Check:
        race = self.race
        return Check(
            kind=Kind.RACE,
            name=race.name,
            title=race.title,
            verdict=Verdict.UNKNOWN,
            severity=race.severity,
            properties=list(dict.fromkeys([*race.properties, Property.DEADLOCK])),
            detects=list(race.detects),
            operations=race.operations,
            file=race.file,
            about=race.about,
        )

    async def search_all(self) -> str:
        """Run the schedules; return why the search ended early, if a session got stuck."""
        race, arenas = self.race, self.explorer.arenas
        whole = self.judge.serial.whole
        right = await self.judge.serial.of(whole, arenas[0])
        for outcome in right.values():
            self.note_ok(outcome.trace)
        try:
            await self.pinned()
            await self.search.run(race, arenas, self.seen)
        except StuckError as error:
            return str(error)
        finally:
            self.done.complete = self.search.complete
            self.done.stopped = self.search.stopped
            self.done.equal = self.search.equal
            self.done.left = self.search.left
            self.done.preemption_bound = None if self.search.complete else self.search.bound
            self.done.serial_orders = self.judge.serial.count
        return ""

    async def pinned(self) -> None:
        """Run the schedule that the race file pins, if it does. It counts only if it fails."""
        arena = self.explorer.arenas[0]
        if self.race.replay:
            names = [session.name for session in self.race.sessions]
            trace = await arena.run(self.race, Pinned(self.race.replay, names))
            if not trace.patient and (await self.judge.judge(trace, arena)).violates:
                await self.seen(trace, arena)

    async def seen(self, trace: Trace, arena: Arena) -> None:
        judgement = await self.judge.judge(trace, arena)
        self.count(trace, judgement)
        if judgement.violates:
            found = Counterexample(trace, judgement)
            if self.worst is None or found.cost < self.worst.cost:
                self.worst = found
            self.explorer.violated |= set(judgement.violates)
            self.search.stopped = self.search.stopped or self.explorer.bounds.first
        self.explorer.progress(self.race.name, self.done, self.search.left)

    def count(self, trace: Trace, judgement: Judgement) -> None:
        count(self.done, trace, failing=bool(judgement.violates))
        self.note_ok(trace)

    def note_ok(self, trace: Trace) -> None:
        """Remember what succeeded at all: a race of which a part never does proves nothing."""
        for result in trace.every_result:
            if result.outcome is Outcome.OK:
                self.succeeded.add(_part(result.call))
            if result.outcome is not Outcome.ERROR:
                self.answered.add(result.call.line)
            else:
                self.failures[result.call.line] = ending(result)

    def idle(self) -> str:
        """Say which part of the race never succeeded, if one did not."""
        for call in (c for s in self.race.sessions for each in s.transactions for c in each):
            if _part(call) in self.succeeded and call.line in self.answered:
                continue
            part = f"line {call.line}" if _part(call) in self.succeeded else _part(call)
            unreached = "" if call.line in self.answered else "never reached"
            how = self.failures.get(call.line, unreached)
            why = f" ({how})" if how else ""
            return f"{part} never succeeded, alone or overlapping{why}: {NOTHING_RACED}"
        return ""

    def verdict(self, findings: list[Finding], stuck: str) -> tuple[Verdict, str]:
        if findings and findings[0].confirmed and findings[0].confirmed[0] == 0:
            return Verdict.UNKNOWN, "a schedule failed once and never again when replayed"
        if findings:
            return Verdict.FAIL, ""
        if why := stuck or self.idle():
            return Verdict.UNKNOWN, why
        if not self.done.complete and self.done.preemption_bound is None:
            return Verdict.UNKNOWN, "the budget ended before the schedules without preemption did"
        return Verdict.PASS, ""

    async def findings(self) -> list[Finding]:
        if not self.worst:
            return []
        found = self
        if self.explorer.bounds.replays:
            while smaller := await found.smaller(self.worst):
                found = smaller
        return [await found.finding()]

    async def smaller(self, found: Counterexample) -> _Exploring | None:
        """Return the race without one of its sessions that violates the same, if there is one."""
        left = [index for index in range(len(self.whole.sessions)) if index not in self.without]
        for index in left if len(left) > 2 else []:
            fewer = _Exploring(self.explorer, self.whole, (*self.without, index))
            fewer.search.budget = 200
            try:
                await fewer.search_all()
            except (NotDeterministicError, StuckError, ContentError):
                continue
            if fewer.worst and set(fewer.worst.judgement.violates) & set(found.judgement.violates):
                return fewer
        return None

    async def finding(self) -> Finding:
        assert self.worst
        explorer = self.explorer
        token = replace(
            explorer.token,
            race=self.race.name,
            without=self.without,
            isolation=self.race.asked,
        )
        return await Telling(
            self.race,
            self.worst,
            self.judge,
            explorer.arenas,
            explorer.audits,
            explorer.sources,
            token,
            explorer.recipe,
            explorer.bounds.replays,
            _AT_OTHER_LEVELS,
        ).finding()


def _part(call: Call) -> str:
    """Return the part of a race that a call stands for: its operation, or else its line."""
    return call.operation or f"line {call.line}"
