"""A finding in words: what each session got, what no serial order gives, and where they contradict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from crossfoot.checks.audits import Offence
from crossfoot.counterexample.wording import NOTHING_DRAWN, cell, ending, readable
from crossfoot.explorer.judge import Judgement
from crossfoot.explorer.outcomes import GENERATED_NAME, Row, Shape
from crossfoot.explorer.race import Race
from crossfoot.explorer.serial import SerialOutcome
from crossfoot.explorer.trace import CallResult, Trace
from crossfoot.results import Exploration

_LINKED_OTHERWISE = "the ids that were drawn stand in other places"


def summary(judgement: Judgement, trace: Trace, race: Race, name: str) -> str:
    """Return the finding's one line."""
    ended = "; ".join(
        f"{session.name} {' then '.join(result.outcome for result in results) or 'without an answer'}"
        for session, results in zip(race.sessions, trace.results, strict=True)
    )
    return f"{name}: {ended}; {_what(judgement, trace, race)}"


def _what(judgement: Judgement, trace: Trace, race: Race) -> str:
    if judgement.stuck:
        if holders := _through_and_holding(trace, race):
            return f"{holders} left a lock behind"
        return "all wait for each other, and PostgreSQL sees no deadlock"
    if judgement.offences:
        offence = judgement.offences[0]
        evidence = ", ".join(f"{k} {v}" for k, v in offence.row.items() if k != "subject")
        return readable(f"{offence.audit}: {offence.subject} has {evidence}", race, trace.drawn)
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
        f"{session.name} got {readable(_endings(results), race, trace.drawn)}."
        if results
        else f"{session.name} never got an answer."
        for session, results in zip(race.sessions, trace.results, strict=True)
    ]
    shown = [readable(why, race, trace.drawn)] if why else []
    return " ".join(
        [*said, *_lost_patience(trace, race), *shown, *_contradictions(judgement, trace, race)]
    )


def _endings(results: Sequence[CallResult]) -> str:
    """Return how a session's calls ended, the last one in full."""
    return " then ".join([*(str(result.outcome) for result in results[:-1]), ending(results[-1])])


def _contradictions(judgement: Judgement, trace: Trace, race: Race) -> list[str]:
    said: list[str] = []
    if judgement.not_serial and judgement.right:
        said.append(
            "One after the other the calls end differently, whoever goes first."
            f" Nearest to it comes {_nearest(judgement, race)}"
        )
    if judgement.offences:
        failing = "; ".join(_offence(offence) for offence in judgement.offences[:3])
        said.append(readable(f"The books contradict themselves: {failing}.", race, trace.drawn))
    for expectation, count in judgement.unmet:
        said.append(f"The race expects {expectation.text}; there were {count}.")
    if judgement.deadlock:
        said.append(
            f"{_waits(trace, race)} PostgreSQL broke the deadlock by failing the call"
            f" of {_victims(trace, race)}, in which nothing was wrong."
        )
    if judgement.stuck and (holders := _through_and_holding(trace, race)):
        said.append(
            f"{_waits(trace, race)} But {holders} is through and holds the lock all the same: it is the"
            " session's, not the transaction's, and nothing gives it up. Whoever waits for it waits for"
            " ever."
        )
    elif judgement.stuck:
        said.append(
            f"{_waits(trace, race)} None of them can go on before another one does, and PostgreSQL,"
            " which sees no deadlock, breaks nothing: they wait for ever."
        )
    return said


def _lost_patience(trace: Trace, race: Race) -> list[str]:
    """Say whose lock_timeout ran out, of which the result of a call may show nothing."""
    return [
        f"The lock_timeout of {race.sessions[event.session].name}, {event.timeout}, ran out."
        for event in trace.events
        if event.kind == "timeout"
    ]


def _waits(trace: Trace, race: Race) -> str:
    """Say who waited for whom, each for the last time."""
    last: dict[int, tuple[int, ...]] = {}
    for event in trace.events:
        if event.kind == "wait" and event.blockers:
            last[event.session] = event.blockers
    names = [session.name for session in race.sessions]
    said = [
        f"{names[waiter]} waits for {' and '.join(names[each] for each in blockers)}"
        for waiter, blockers in sorted(last.items())
    ]
    return "; ".join(said) + "." if said else "Each of them holds what another one waits for."


def _through_and_holding(trace: Trace, race: Race) -> str:
    """Return who holds a lock that another one waits for at the end, though it waits for none itself."""
    last = {event.session: event for event in trace.events}
    waits = [event for event in last.values() if event.kind == "wait"]
    holders = {by for event in waits for by in event.blockers} - {event.session for event in waits}
    return " and ".join(race.sessions[index].name for index in sorted(holders))


def _victims(trace: Trace, race: Race) -> str:
    failed = [
        session.name
        for session, results in zip(race.sessions, trace.results, strict=True)
        if any(result.sqlstate == "40P01" for result in results)
    ]
    return " and ".join(failed) or "one call"


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
    # What was drawn has a name in a shape: the numbers that are left are amounts.
    first = readable("; ".join(found[:3]), race, NOTHING_DRAWN)
    return f"{order_text(outcome, race)}, and there {first or _LINKED_OTHERWISE}."


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
        told = f"{order_text(outcome, race)}: {endings}"
        lines.append(readable(told, race, outcome.trace.drawn))
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
    if len(ours) != len(theirs):
        word = "rows" if len(theirs) != 1 else "row"
        return [f"{name} has {len(theirs)} such {word}, not {len(ours)}"]
    found: list[str] = []
    for one, other in zip(ours, theirs, strict=True):
        if [column for column, _ in one] != [column for column, _ in other]:
            found.append(f"{name} is {_row_text(other)}, not {_row_text(one)}")
            continue
        found += [
            f"{name} has {column} {_plain(b)}, not {_plain(a)}"
            for (column, a), (_, b) in zip(one, other, strict=True)
            if _plain(a) != _plain(b)
        ]
    return found


def _row_text(row: Row) -> str:
    """Return an answer in full: its columns, or the error that it was."""
    cells = dict(row)
    if list(cells) == ["sqlstate", "message"]:
        return f"{cells['sqlstate']} {_plain(cells['message'])}"
    return ", ".join(f"{column} = {_plain(value)}" for column, value in row)


def _plain(value: str | None) -> str:
    """Return a value of a shape, without the names of what was drawn: they are nothing to read."""
    return GENERATED_NAME.sub("(drawn)", cell(value))


def _place_text(name: str) -> str:
    return "an answer" if name.startswith("call ") else name
