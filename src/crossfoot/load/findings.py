"""What a load run concludes: a check of its calls, and the place where its histories are handed on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crossfoot.history.judge import judge
from crossfoot.history.ledger import NAME, read_ledger, read_opening, save_ledger
from crossfoot.history.reading import NAMES, open_history
from crossfoot.load.ground import Ground
from crossfoot.load.scenario import Scenario
from crossfoot.load.tally import Counted, Counts
from crossfoot.results import Check, Finding, Kind, Property
from crossfoot.target import Target
from crossfoot.verdicts import Outcome, Severity, Verdict


@dataclass
class LiveAudits:
    """What the audits said while the load went on, by target. ``drift`` counts accounts."""

    rounds: int = 0
    drift: int = 0
    violated: dict[str, list[Check]] = field(default_factory=dict)

    def merged(self, target: str, last: list[Check]) -> list[Check]:
        """Return the last audits, but what was violated before stays so even if it healed."""
        before = {check.name: check for check in self.violated.get(target, [])}
        return [
            before[check.name]
            if check.name in before and check.verdict is not Verdict.FAIL
            else check
            for check in last
        ]


def load_check(
    scenario: Scenario,
    target: Target,
    counts: Counts,
    live: LiveAudits,
    ending: str,
    violated: Sequence[str],
) -> Check:
    """Return the check of one target's calls. Without a success they prove nothing.

    ``violated`` names the audits that failed; ``ending`` says why it ended early.
    """
    check = Check(
        kind=Kind.LOAD,
        name=scenario.name,
        title=scenario.title,
        verdict=Verdict.PASS,
        severity=Severity.HIGH,
        properties=[Property.LEDGER],
        operations=[name for name in counts.operations if name in target.operations],
        file=target.content.relative(scenario.file),
        about=scenario.about,
        population=_population(counts, live),
        seconds=counts.seconds,
    )
    if not counts.calls:
        check.verdict, check.reason = Verdict.UNKNOWN, "no call was made"
    elif not counts.outcomes[Outcome.OK]:
        check.verdict = Verdict.UNKNOWN
        check.reason = f"none of {counts.calls} calls succeeded: this proves nothing"
    check.findings = [*_errors(counts), *_let_through(counts)]
    if counts.misuse:
        check.properties.append(Property.ACCESS)
    if violated:
        check.findings.append(_violated(violated, counts))
    if check.findings:
        check.verdict = Verdict.FAIL
    if ending:
        check.population["ended"] = ending
    return check


def _violated(audits: Sequence[str], counts: Counts) -> Finding:
    return Finding(
        subject="the books",
        summary=f"after {counts.calls} calls the books contradict themselves: {', '.join(audits)}",
        explanation="These audits say in their own findings what is wrong, and where.",
        violates=[f"audit {name}" for name in audits],
    )


def _population(counts: Counts, live: LiveAudits) -> dict[str, str]:
    times = {share: counts.latencies.percentile(share) for share in (0.5, 0.99)}
    rate = counts.calls / counts.seconds if counts.seconds else 0.0
    return {
        "users": str(len(counts.sessions)),
        "calls": str(counts.calls),
        "calls per second": f"{rate:.0f}",
        **{outcome.value: str(counts.outcomes[outcome]) for outcome in Outcome},
        "half of them within": f"{times[0.5]:.2f} ms",
        "99 % within": f"{times[0.99]:.2f} ms",
        **({"misuse tried": str(counts.misuse.total())} if counts.misuse else {}),
        "times that the audits ran meanwhile": str(live.rounds),
    }


def _errors(counts: Counts) -> list[Finding]:
    total = counts.outcomes[Outcome.ERROR]
    by_operation = {call.operation: call for call in reversed(counts.errors)}
    return [
        Finding(
            subject=name,
            summary=f"{name}: of {total} calls that ended in an error, one said {_said(call.result)}",
            explanation="An error is neither a business answer nor one that asks to try again.",
            anomaly="unexpected error",
        )
        for name, call in by_operation.items()
    ]


def _let_through(counts: Counts) -> list[Finding]:
    """Return a finding for each kind of misuse that wasn't refused, with the calls that show it."""
    by_what: dict[str, list[Counted]] = {}
    for call in counts.let_through:
        by_what.setdefault(call.operation, []).append(call)
    return [
        Finding(
            subject=what,
            summary=(
                f"call {calls[0].id} by {calls[0].session} had to be refused, and"
                f" {_became(calls[0])}: {what}"
            ),
            explanation="Nobody may do this. The rows are calls that tried it.",
            anomaly="misuse let through",
            rows=[_row(call) for call in calls],
        )
        for what, calls in by_what.items()
    ]


def _became(call: Counted) -> str:
    if call.outcome is Outcome.OK:
        return "went through"
    return f"ended in an error ({_said(call.result)})"


def _row(call: Counted) -> dict[str, str | None]:
    return {
        "call": str(call.id),
        "session": call.session,
        "outcome": call.outcome.value,
        **{name: str(value) for name, value in call.arguments.items()},
        "answered": _said(call.result),
    }


def _said(result: Mapping[str, object]) -> str:
    return str(result.get("message") or result.get("detail") or result or "nothing")


async def read_openings(ground: Ground) -> dict[str, dict[str, int]]:
    """Return, by target, where each account's ledger stood before the first call."""
    openings = {}
    for target in ground.targets:
        if "entry" in target.relations:
            async with ground.connection() as connection:
                openings[target.name] = await read_opening(connection, target)
    return openings


async def check_calls(
    ground: Ground,
    target: Target,
    folder: Path,
    openings: Mapping[str, Mapping[str, int]],
    served: frozenset[str],
) -> list[Check]:
    """Store the ledger beside the finished history, and check the two against each other.

    ``folder`` has the ``history*.ndjson`` of this target: every call of users of the database. What
    users of the service did to their own accounts (``served``) isn't in it, so for these accounts
    all entries count as having been there before. This is where the checkers of
    ``crossfoot.history`` get what they need.
    """
    if target.name not in openings or not any(folder.glob(NAMES)):
        return []
    async with ground.connection() as connection:
        last = await read_opening(connection, target)
        marked = {**openings[target.name], **{name: last[name] for name in served & last.keys()}}
        await save_ledger(connection, target, folder / NAME, marked)
    ledger = read_ledger(folder / NAME, target.name)
    return judge(open_history([folder]), target, ledger).checks
