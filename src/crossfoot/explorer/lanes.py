"""A trace as lanes: what each session did, in the order in which it happened."""

from __future__ import annotations

import json

from crossfoot.explorer.instrument import Instrumented
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import Event, Trace
from crossfoot.explorer.wording import ending, readable, shorten
from crossfoot.results import Lanes, LaneStep


def lanes_of(
    trace: Trace, race: Race, instrumented: Instrumented, sources: dict[str, tuple[str, int]]
) -> Lanes:
    """Return the lanes of a trace.

    ``sources`` maps a function to (file, line of its body's first line), so that a step can say
    where it stands.
    """
    names = [session.name for session in race.sessions]
    steps: list[LaneStep] = []
    for event in _calls_where_they_matter(trace.events):
        if event.kind == "step" and instrumented.steps[event.step].kind == "return":
            continue
        text, source = _text(event, instrumented, sources)
        note = _note(event, names)
        steps.append(
            LaneStep(
                number=len(steps) + 1,
                session=names[event.session],
                kind=event.kind,
                text=readable(text, race),
                source=source,
                note=readable(note, race),
            )
        )
    outcomes = {
        name: readable("; ".join(ending(result) for result in results), race)
        for name, results in zip(names, trace.results, strict=True)
    }
    return Lanes(sessions=names, steps=steps, outcomes=outcomes, state=_state(trace, race))


def _calls_where_they_matter(events: list[Event]) -> list[Event]:
    """Move each call down to its session's next event: until then it touched nothing."""
    found: list[Event] = []
    sent: dict[int, Event] = {}
    for event in events:
        if event.kind == "call":
            sent[event.session] = event
            continue
        if waiting := sent.pop(event.session, None):
            found.append(waiting)
        found.append(event)
    return found


def _text(
    event: Event, instrumented: Instrumented, sources: dict[str, tuple[str, int]]
) -> tuple[str, str]:
    if event.step and event.kind in {"step", "wait", "wake"}:
        step = instrumented.steps[event.step]
        file, first = sources.get(step.function, (step.function, 1))
        return (
            shorten(step.text) if event.kind == "step" else ""
        ), f"{file}:{first + step.line - 1}"
    if event.call and event.kind == "call":
        return shorten(" ".join(event.call.shown.split())), ""
    return event.kind if event.kind in {"commit", "rollback"} else "", ""


def _note(event: Event, names: list[str]) -> str:
    if event.kind == "wait":
        return "waits for " + (" and ".join(names[index] for index in event.blockers) or "a lock")
    if event.kind == "wake":
        return "goes on"
    if event.result:
        return ending(event.result)
    return ""


def _state(trace: Trace, race: Race) -> list[dict[str, str | None]]:
    """Return the rows of ``@state``, the race's own summary of how things stand afterwards."""
    rows = [
        json.loads(text, parse_float=str) for name, text in trace.state if name.startswith("@state")
    ]
    return [
        {name: None if value is None else readable(str(value), race) for name, value in row.items()}
        for row in rows
    ]
