"""One burst as a check: set up, let go, count, look into the books."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from crossfoot.bursts.burst import Burst, BurstCall, Question
from crossfoot.bursts.deal import Deal, Values
from crossfoot.bursts.expect import Breach, breaches, told
from crossfoot.bursts.ground import Ground
from crossfoot.bursts.history import LedgerCheck, key_of
from crossfoot.bursts.latency import latencies, milliseconds
from crossfoot.bursts.volley import Part, Volley
from crossfoot.errors import ContentError
from crossfoot.history.record import CallRecord, Recorder
from crossfoot.rendering import render
from crossfoot.results import Check, Finding
from crossfoot.sql import bind, inline
from crossfoot.verdicts import Outcome, Verdict

_MOST_ROWS = 20
_STEP = 1000  # from the seed of one try to that of the next
_LINGER = 0.01  # seconds that transactions stay open, times the number of the try
_PLAIN = (str, int, float, Decimal, UUID, datetime, date, time_of_day, type(None))

Record = Callable[[Burst], Recorder]
"""Opens the history of a burst."""


def recorder_in(folder: Path, target: str, seed: int) -> Record:
    """Return what opens histories at ``folder/bursts/<target>/<burst>/history.ndjson``."""

    def open_one(burst: Burst) -> Recorder:
        place = folder / "bursts" / target / burst.name
        place.mkdir(parents=True, exist_ok=True)
        began = datetime.now(UTC).isoformat(timespec="seconds")
        return Recorder(
            place / "history.ndjson", target=target, scenario=burst.name, seed=seed, began=began
        )

    return open_one


@dataclass
class BurstRun:
    """Runs one burst on a ground that others were on before. ``calls`` are those of the last volley.

    Calls that happened to miss each other are sent again with new values, in transactions that stay
    open for longer each time: tries ``first`` to ``first + tries - 1``, the very first being number 0.
    """

    ground: Ground
    burst: Burst
    seed: int
    callers: int
    record: Record | None = None
    first: int = 0
    tries: int = 3
    calls: list[CallRecord] = field(default_factory=list)

    async def check(self) -> Check:
        """Run it; return the check with its verdict. Raises ContentError for a faulty file."""
        started = time.perf_counter()
        for attempt in range(self.first, self.first + self.tries):
            check = self.burst.new_check()
            volley = await self._once(attempt, check)
            if volley is None or volley.overlap.proved or check.findings:
                break
        check.seconds = time.perf_counter() - started
        return check

    async def _once(self, attempt: int, check: Check) -> Volley | None:
        """Send a volley and judge what came of it; None if there was none, with the reason."""
        deal = Deal.of(self.burst, self.callers, self.seed + attempt * _STEP)
        await self._set_up(deal)
        if before := await self.ground.new_offences():
            check.reason = (
                f"the books are wrong before anybody has called: {before[0].audit} at"
                f" {before[0].subject}. Give what @setup makes its entries."
            )
            return None
        ledger = LedgerCheck(self.ground.control, self.ground.target, self.burst)
        await ledger.begin()
        try:
            volley = await self._fire(deal, attempt * _LINGER)
        except TimeoutError:
            check.reason = "the callers didn't get together in time; is the machine that busy?"
            return None
        self.calls = volley.calls
        with tempfile.TemporaryDirectory() as folder:
            record = self.record or recorder_in(Path(folder), self.ground.target.name, self.seed)
            history = await ledger.checks(volley.calls, record(self.burst))
        check.population = self._population(volley, history)
        found = breaches(self.burst.expectations, volley.calls)
        check.findings = [
            *(self._breach(each, volley) for each in found),
            *await self._offences(),
            *await self._answers(deal),
            # The first of each: one is enough to show it.
            *(one.findings[0] for one in history if one.verdict is Verdict.FAIL),
        ]
        check.verdict, check.reason = _verdict(check.findings, volley)
        return volley

    async def _fire(self, deal: Deal, linger: float) -> Volley:
        firing = await self.ground.range(self.callers, self.burst.isolation)
        if self.burst.program:
            return await firing.programs(self.burst.program, self.ground.target.schemas)
        parts = [await self._part(*given, deal) for given in deal.parts()]
        texts = [inline(call.shown, deal.literals(each)) for _, call, each in deal.parts()]
        await self.ground.warm_up(texts)
        try:
            return await firing.volley(parts, linger)
        except asyncpg.PostgresError as error:
            raise self._fault(self.burst.calls[0].line, "@call", error) from error

    # -- before -----------------------------------------------------------------------------------

    async def _set_up(self, deal: Deal) -> None:
        for section in self.burst.sections:
            for values in deal.of_scope(section.scope):
                literals = deal.literals(values)
                texts = [inline(statement.text, literals) for statement in section.statements]
                try:
                    await self.ground.control.execute(";\n".join(texts))
                except asyncpg.PostgresError as error:
                    raise self._fault(section.line, f"@{section.scope}", error) from error

    async def _part(self, entity: int, call: BurstCall, values: Values, deal: Deal) -> Part:
        arguments = await self._arguments(call, values, deal) if call.arguments else dict(values)
        key = key_of(self.ground.target.operations.get(call.operation), arguments)
        return Part(call.operation, call.query, values, arguments, entity, key)

    async def _arguments(self, call: BurstCall, values: Values, deal: Deal) -> dict[str, Any]:
        """Return what the operation is given, by its own names: the server says what SQL means."""
        types = {name: kind for each in self.burst.types.values() for name, kind in each.items()}
        query = bind("select " + ", ".join(call.arguments.values()), types)
        try:
            row = await self.ground.control.fetchrow(query.text, *query.arguments(values))
        except asyncpg.PostgresError as error:
            raise self._fault(call.line, "@call", error) from error
        return {name: _plain(value) for name, value in zip(call.arguments, row, strict=True)}

    def _fault(self, line: int, section: str, error: asyncpg.PostgresError) -> ContentError:
        return ContentError(f"{self.burst.file}:{line}: {section} fails: {error}")

    # -- afterwards -------------------------------------------------------------------------------

    def _breach(self, breach: Breach, volley: Volley) -> Finding:
        named = sorted(breach.calls, key=lambda call: call.server_start)
        return Finding(
            subject=self.burst.name,
            summary=f"expected {breach.expected}, got {breach.got}",
            explanation=f"{self._what_happened(volley)}"
            f" The burst expects {breach.expected}; there were {breach.got}.",
            anomaly=self.burst.detects[0] if self.burst.detects else "",
            violates=[f"expect {breach.expected}"],
            rows=[_shown(call, volley) for call in named[:_MOST_ROWS]],
            total_rows=len(named),
        )

    def _what_happened(self, volley: Volley) -> str:
        entities = "one entity" if self.burst.spread == 1 else f"{self.burst.spread} entities"
        called = " and ".join(dict.fromkeys(c.operation for c in volley.calls if c.operation))
        return (
            f"{len(volley.calls)} callers called {called or 'the same'} at once,"
            f" on {entities}: {told(volley.calls)}. On the server's clock {volley.overlap.overlapping} of"
            f" the calls overlapped another one, and up to {volley.overlap.at_once} were under way at the"
            " same moment."
        )

    async def _offences(self) -> list[Finding]:
        found = await self.ground.new_offences()
        by_audit: dict[str, list[dict[str, str | None]]] = {}
        for offence in found:
            by_audit.setdefault(offence.audit, []).append(
                {"subject": offence.subject, **offence.row}
            )
        return [
            Finding(
                subject=str(rows[0]["subject"]),
                summary=f"{audit}: {_evidence(rows[0])}",
                explanation=f"After the burst the books don't agree: {audit} fails.",
                anomaly=self._anomaly_of(audit),
                violates=[f"audit {audit}"],
                rows=rows[:_MOST_ROWS],
                total_rows=len(rows),
            )
            for audit, rows in by_audit.items()
        ]

    def _anomaly_of(self, name: str) -> str:
        for audit in self.ground.audits.applicable:
            if audit.name == name:
                return audit.anomaly or (audit.detects[0] if audit.detects else "")
        return ""

    async def _answers(self, deal: Deal) -> list[Finding]:
        """Return what the ``@check`` queries say is wrong."""
        found = []
        for question in self.burst.questions:
            for values in deal.of_scope(question.scope):
                if wrong := await self._ask(question, deal.literals(values)):
                    found.append(wrong)
                    break  # one is enough to show it
        return found

    async def _ask(self, question: Question, literals: dict[str, str]) -> Finding | None:
        try:
            rows = await self.ground.control.fetch(inline(question.statement.text, literals))
        except asyncpg.PostgresError as error:
            raise self._fault(question.statement.line, "@check", error) from error
        if rows and all(value is True for row in rows for value in row.values()):
            return None
        given = {name: render(value) for name, value in rows[0].items()} if rows else {}
        return Finding(
            subject=f"{self.burst.file}:{question.statement.line}",
            summary=f"not true: {question.sentence}",
            explanation=f"{self.burst.title}. After the burst this isn't true: {question.sentence}.",
            anomaly=self.burst.detects[0] if self.burst.detects else "",
            violates=[f"check {question.sentence}"],
            rows=[given] if given else [],
        )

    def _population(self, volley: Volley, history: Sequence[Check]) -> dict[str, str]:
        overlap = volley.overlap
        times = [call.end - call.start for call in volley.calls if call.end]
        counts = {each: sum(c.outcome is each for c in volley.calls) for each in Outcome}
        return {
            "callers": str(len(volley.calls)),
            "entities": str(self.burst.spread),
            "overlapped another call": f"{volley.overlap.overlapping} of {overlap.calls}",
            "under way at once": str(overlap.at_once),
            **({"open after its call": f"{volley.linger * 1000:g} ms"} if volley.linger else {}),
            **{str(outcome): str(count) for outcome, count in counts.items() if count},
            **latencies(times),
            "audits": str(len(self.ground.audits.applicable)),
            **({"checks of the history": _passed(history)} if history else {}),
        }


def _verdict(findings: Sequence[Finding], volley: Volley) -> tuple[Verdict, str]:
    """Return the verdict, and the reason of one that is unknown."""
    many = len(volley.calls)
    unanswered = sum(call.outcome is Outcome.UNKNOWN for call in volley.calls)
    if findings:
        return Verdict.FAIL, ""
    if not volley.overlap.proved:
        return Verdict.UNKNOWN, (
            f"these {many} calls ran one after another; this proved nothing."
            " Raise --callers, or lower spread."
        )
    if unanswered:
        return Verdict.UNKNOWN, f"{unanswered} of {many} calls got no answer"
    return Verdict.PASS, ""


def _passed(history: Sequence[Check]) -> str:
    passed = sum(check.verdict is Verdict.PASS for check in history)
    unknown = sum(check.verdict is Verdict.UNKNOWN for check in history)
    return f"{passed} of {len(history)} pass" + (f", {unknown} unknown" if unknown else "")


def _plain(value: object) -> object:
    """Return a value as a history can hold it."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if isinstance(value, _PLAIN) else render(value)


def _evidence(row: dict[str, str | None]) -> str:
    others = (f"{name} {value}" for name, value in row.items() if name != "subject")
    return f"{row['subject']} has {', '.join(others)}"


def _shown(call: CallRecord, volley: Volley) -> dict[str, str | None]:
    """Return one call as a row of evidence, with its times on the server's clock."""
    first = min((each.server_start for each in volley.calls if each.server_start), default=0)
    spanned = bool(call.server_end)
    answer = ", ".join(f"{name} = {value}" for name, value in call.result.items())
    return {
        "session": call.session,
        "operation": call.operation,
        "outcome": str(call.outcome),
        "began": f"+{milliseconds((call.server_start - first) * 1000)}" if spanned else None,
        "ended": f"+{milliseconds((call.server_end - first) * 1000)}" if spanned else None,
        "answer": answer,
    }
