"""A finding in words: what each session got, what no serial order gives, and where they contradict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from crossfoot.checks.audits import Offence
from crossfoot.counterexample.wording import cell, ending, readable
from crossfoot.explorer.judge import Judgement
from crossfoot.explorer.outcomes import GENERATED_NAME, Row, Shape
from crossfoot.explorer.race import Race
from crossfoot.explorer.serial import SerialOutcome
from crossfoot.explorer.trace import CallResult, Trace
from crossfoot.results import Exploration


def summary(judgement: Judgement, trace: Trace, race: Race, name: str) -> str:
    """Return the finding's one line."""
    ended = "; ".join(
        f"{session.name} {' then '.join(result.outcome for result in results)}"
        for session, results in zip(race.sessions, trace.results, strict=True)
    )
    return f"{name}: {ended}; {_what(judgement, race)}"


def _what(judgement: Judgement, race: Race) -> str:
    if judgement.offences:
        offence = judgement.offences[0]
        evidence = ", ".join(f"{k} {v}" for k, v in offence.row.items() if k != "subject")
        return readable(f"{offence.audit}: {offence.subject} has {evidence}", race)
    if judgement.deadlock:
        return "PostgreSQL had to break a deadlock"
    if judgement.unmet:
        expectation, count = judgement.unmet[0]
        return f"expected {expectation.text}, got {count}"
    return "no order of the calls, one after the other, ends like this"


def at_level(done: Exploration) -> str:
    """Return what became of the schedules at another isolation level."""
    if done.failing:
        return f"{done.failing} of {done.schedules} schedules still fail"
    cost = f"{done.retryable} of them end with a call that has to be sent again"
    looked_at = f"{done.schedules} schedules" if done.complete else done.coverage
    return f"no failure in {looked_at}; {cost if done.retryable else 'no call fails for it'}"


def explanation(judgement: Judgement, trace: Trace, race: Race, why: str = "") -> str:
    """Return the paragraph that ends on the contradiction; ``why`` says what shows the anomaly."""
    said = [
        f"{session.name} got {readable(_endings(results), race)}."
        for session, results in zip(race.sessions, trace.results, strict=True)
        if results
    ]
    shown = [readable(why, race)] if why else []
    return " ".join([*said, *shown, *_contradictions(judgement, race)])


def _endings(results: Sequence[CallResult]) -> str:
    """Return how a session's calls ended, the last one in full."""
    return " then ".join([*(str(result.outcome) for result in results[:-1]), ending(results[-1])])


def _contradictions(judgement: Judgement, race: Race) -> list[str]:
    said: list[str] = []
    if judgement.not_serial and judgement.right:
        said.append(
            "One after the other the calls end differently, whoever goes first."
            f" Nearest to it comes {_nearest(judgement, race)}"
        )
    if judgement.offences:
        failing = "; ".join(_offence(offence) for offence in judgement.offences[:3])
        said.append(readable(f"The books contradict themselves: {failing}.", race))
    for expectation, count in judgement.unmet:
        said.append(f"The race expects {expectation.text}; there were {count}.")
    if judgement.deadlock:
        said.append(
            "Each of them held a lock that the other needed, and PostgreSQL broke the deadlock by"
            " failing one call. Locks taken in one order everywhere can't do that."
        )
    return said


def _offence(offence: Offence) -> str:
    evidence = ", ".join(
        f"{name} = {cell(value)}" for name, value in offence.row.items() if name != "subject"
    )
    return f"{offence.audit} fails for {offence.subject} ({evidence})"


def _nearest(judgement: Judgement, race: Race) -> str:
    """Describe the serial outcome that differs least, and in what."""
    shape, outcome = min(
        judgement.right.items(), key=lambda item: len(differences(judgement.shape, item[0]))
    )
    found = differences(judgement.shape, shape)
    first = readable("; ".join(found[:3]), race)
    return f"{order_text(outcome, race)}, and there {first or 'the results differ'}."


def order_text(outcome: SerialOutcome, race: Race) -> str:
    """Return a serial order in words: "buyer_a before buyer_b", or "a, b, a" for several calls each."""
    names = [race.sessions[index].name for index in outcome.order]
    return (" before " if len(set(names)) == len(names) else ", ").join(names)


def serial_lines(right: dict[Shape, SerialOutcome], race: Race) -> list[str]:
    """Return one line per serial outcome: the order and how each session's calls end."""
    lines: list[str] = []
    for outcome in right.values():
        endings = "; ".join(
            f"{session.name} {' then '.join(_short(result) for result in results) or 'nothing'}"
            for session, results in zip(race.sessions, outcome.trace.results, strict=True)
        )
        lines.append(readable(f"{order_text(outcome, race)}: {endings}", race))
    return lines


def _short(result: CallResult) -> str:
    return f"{result.outcome} ({result.message})" if result.message else str(result.outcome)


def differences(actual: Shape, right: Shape) -> list[str]:
    """Return what ``right`` has otherwise than ``actual``, nearest places first."""
    found: list[str] = []
    names = [name for name, _ in right.places] + [name for name, _ in actual.places]
    for name in dict.fromkeys(names):
        ours, theirs = Counter(actual.place(name)), Counter(right.place(name))
        only_ours, only_theirs = list((ours - theirs).elements()), list((theirs - ours).elements())
        found += _row_differences(_place_text(name), only_ours, only_theirs)
    return found


def _row_differences(name: str, ours: list[Row], theirs: list[Row]) -> list[str]:
    if len(ours) == len(theirs):
        return [
            f"{name} has {column} {cell(b)}, not {cell(a)}"
            for one, other in zip(ours, theirs, strict=True)
            for (column, a), (_, b) in zip(one, other, strict=False)
            if a != b and not GENERATED_NAME.search(f"{a} {b}")
        ]
    word = "rows" if len(theirs) != 1 else "row"
    return [f"{name} has {len(theirs)} such {word}, not {len(ours)}"]


def _place_text(name: str) -> str:
    return "an answer" if name.startswith("call ") else name
