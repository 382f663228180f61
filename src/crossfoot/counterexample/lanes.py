"""A trace as lanes: what each session did, in the order in which it happened."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from crossfoot.counterexample.wording import ending, readable, shorten
from crossfoot.explorer.drawn import TIME
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.explorer.race import Call, Race
from crossfoot.explorer.trace import Event, Trace
from crossfoot.results import Lanes, LaneStep

Known = dict[tuple[int, str], dict[str, Any]]
"""The variables of a session in a function, as they were told last."""


def lanes_of(
    trace: Trace, race: Race, instrumented: Instrumented, sources: dict[str, tuple[str, int]]
) -> Lanes:
    """Return the lanes of a trace.

    ``sources`` maps a function to (file, line of its body's first line), so that a step can say
    where it stands.
    """
    names = [session.name for session in race.sessions]
    steps: list[LaneStep] = []
    told: Known = {}
    for event in as_told(trace, race, instrumented):
        if event.kind == "step" and instrumented.steps[event.step].kind == "return":
            continue
        text, source = _text(event, instrumented, sources)
        note = _note(event, names) or did(event, told, instrumented)
        steps.append(
            LaneStep(
                number=len(steps) + 1,
                session=names[event.session],
                kind=event.kind,
                text=readable(text, race, trace.drawn),
                source=source,
                note=readable(note, race, trace.drawn),
            )
        )
    outcomes = {
        name: readable("; ".join(ending(result) for result in results), race, trace.drawn)
        for name, results in zip(names, trace.results, strict=True)
    }
    return Lanes(sessions=names, steps=steps, outcomes=outcomes, state=_state(trace, race))


def as_told(trace: Trace, race: Race, instrumented: Instrumented) -> list[Event]:
    """Return the events with each call moved down to its session's next one, where nobody can tell.

    Until then it touched nothing, if it touches nothing before its first step. A snapshot is taken
    when a call begins, though, and so is the time of day: where rows hold that, the calls keep their
    order.
    """
    if race.isolation != "read committed":
        return trace.events
    found: list[Event] = []
    sent: dict[int, Event] = {}
    for event in trace.events:
        if event.call and event.kind == "call" and _quiet(event.call, instrumented):
            sent[event.session] = event
            continue
        if waiting := sent.pop(event.session, None):
            found.append(waiting)
        found.append(event)
    moved = [event.session for event in found if event.kind == "call"]
    begun = [event.session for event in trace.events if event.kind == "call"]
    timed = any(
        trace.drawn.told(at) != at[0] for _, row in trace.state for at in TIME.finditer(row)
    )
    return trace.events if timed and moved != begun else found


def _quiet(call: Call, instrumented: Instrumented) -> bool:
    return instrumented.starts_quietly(call.query.text)


def _text(
    event: Event, instrumented: Instrumented, sources: dict[str, tuple[str, int]]
) -> tuple[str, str]:
    if event.step and event.kind in {"step", "wait", "wake", "timeout"}:
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
    if event.kind == "timeout":
        return f"loses patience: its lock_timeout of {event.timeout} runs out"
    if event.result:
        return ending(event.result)
    return ""


def did(event: Event, known: Known, instrumented: Instrumented) -> str:
    """Return what a step did: which variables it set, and which tables it wrote."""
    if event.kind != "step":
        return ""
    frame = event.session, instrumented.steps[event.step].function
    before = known.setdefault(frame, {})
    said: list[str] = []
    for name, value in (event.variables or {}).items():
        if value is not None and value != before.get(name):
            said.append(f"{name} = {_shown(value)}")
        before[name] = value
    if event.touched and event.touched.changed:
        said.append(f"writes {_names(event.touched.changed, instrumented)}")
    elif event.touched and event.touched.reads and not said:
        said.append(f"reads {_names(event.touched.reads, instrumented)}")
    return "; ".join(said)


def _names(tables: Iterable[int], instrumented: Instrumented) -> str:
    names = (instrumented.watch.names[table] for table in tables)
    return ", ".join(sorted({name.rpartition(".")[2] for name in names}))


def _shown(value: Any) -> str:
    """Return a variable's value; of a row only what it is, for the columns would fill the page."""
    if isinstance(value, dict):
        cells = ", ".join(f"{name} {cell}" for name, cell in value.items() if cell is not None)
        return f"({shorten(cells, 60)})"
    return shorten(str(value), 60)


def _state(trace: Trace, race: Race) -> list[dict[str, str | None]]:
    """Return the rows of ``@state``, the race's own summary of how things stand afterwards."""
    rows = [
        json.loads(text, parse_float=str) for name, text in trace.state if name.startswith("@state")
    ]
    return [
        {
            name: None if value is None else readable(str(value), race, trace.drawn)
            for name, value in row.items()
        }
        for row in rows
    ]
