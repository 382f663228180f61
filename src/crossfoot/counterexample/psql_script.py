"""A finding as a script for psql in two or three terminals, for whoever wants to see it without us.

Two plain terminals can't stop inside of a function. The script gives the functions the lines that
can: a line waits for an advisory lock which another terminal holds. It shows all that it adds.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crossfoot.counterexample.lanes import as_told
from crossfoot.counterexample.psql_blocks import (
    CONDUCTOR,
    Block,
    Stop,
    Writer,
    calls_of,
    letter_of,
    stops_of,
)
from crossfoot.counterexample.psql_stops import with_stops
from crossfoot.counterexample.wording import ending, readable, shorten
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.explorer.race import Call, Race
from crossfoot.explorer.trace import Trace
from crossfoot.sql import tokens

BLOCK = "DO"  # what the steps of a client's DO block have for their function
_STOP = """\
create schema by_hand;
grant usage on schema by_hand to public;
create function by_hand.stop(place integer) returns boolean
language plpgsql
set lock_timeout = 0
as $$
begin
    if place::text = any (string_to_array(current_setting('by_hand.stops', true), ' ')) then
        perform pg_advisory_lock(4343, place);
        perform pg_advisory_unlock(4343, place);
    end if;
    return true;
end
$$;
"""
_COUNT = """\
create function by_hand.stop(place integer, arrival integer) returns boolean
language plpgsql
set lock_timeout = 0
as $$
declare
    v_count text := 'pg_temp.arrivals_' || place;  -- a sequence: nothing rolls it back
begin
    if place::text = any (string_to_array(current_setting('by_hand.stops', true), ' ')) then
        if setval(v_count, coalesce(pg_sequence_last_value(v_count), 0) + 1) = arrival then
            perform by_hand.stop(place);
        end if;
    end if;
    return true;
end
$$;
"""


@dataclass(frozen=True)
class Recipe:
    """What a system is made of: its files, the SQL that puts a known mistake in, its functions.

    ``definitions`` holds them by name, as PostgreSQL shows them; ``role`` makes the calls.
    """

    files: tuple[str, ...] = ()
    mistake: str = ""
    definitions: Mapping[str, str] = field(default_factory=dict)
    role: str | None = None


def script(
    race: Race,
    trace: Trace,
    instrumented: Instrumented,
    recipe: Recipe,
    *,
    summary: str,
    look: str,
) -> str:
    """Return the script; "" where it can't be written.

    That is where a session would have to stop in a function that shares its name with another one, and
    where statements have parameters of which nobody knows the values: those of programs.
    ``summary`` is the finding's; ``look`` is the SQL that shows the contradiction.
    """
    events = as_told(trace, race, instrumented)
    if any(event.call and _has_parameters(event.call) for event in events):
        return ""
    stops = stops_of(events)
    changed = _functions(stops, instrumented, recipe.definitions)
    if changed is None:
        return ""
    writer = Writer(race, events, stops, recipe.role, instrumented)
    blocks = writer.write()
    conducted = CONDUCTOR in {block.terminal for block in blocks}
    setup = Block(
        "A",
        "the functions, each with a line that can wait, and the rows",
        [
            _STOP,
            *([_COUNT] if any(stop.arrival > 1 for stop in stops) else []),
            *([f"-- the mistake\n{recipe.mistake}"] if recipe.mistake else []),
            *changed,
            *writer.variables,
            *([f"begin;\n{_named(race.setup, race)};\ncommit;"] if race.setup else []),
        ],
    )
    letters = [*(letter_of(index) for index in range(len(race.sessions)))]
    head = _head(summary, recipe.files, [*letters, *([CONDUCTOR] if conducted else [])])
    end = Block("A", "what has become of it", [look])
    return "\n".join([head, *(str(block) for block in [setup, *blocks, end])])


def _head(summary: str, files: Sequence[str], terminals: Sequence[str]) -> str:
    told = " ".join(f"-f {file}" for file in files)
    said = [
        *textwrap.wrap(summary, 96),
        "",
        "To be seen with psql alone. It takes a database to throw away, with the system in it:",
        "",
        "    createdb scratch",
        f"    psql -d scratch {told}",
        "",
        f"Open {len(terminals)} terminals ({', '.join(terminals)}) with 'psql -d scratch', and paste the"
        " blocks below",
        "in their order, each into its terminal. Where a block says that there is no answer yet, the",
        "terminal waits: go on with the next block.",
        "",
        "The functions are as they were, but for the lines marked 'added'. Such a line waits while",
        "another terminal holds its lock, as a busy machine may make any line wait. One in the condition",
        "of an elsif or a while takes that apart, to have room.",
    ]
    return "\n".join(f"-- {line}".rstrip() for line in said) + "\n"


def _has_parameters(call: Call) -> bool:
    return any(token.kind == "PARAM" for token in tokens(call.shown))


def _functions(
    stops: Sequence[Stop], instrumented: Instrumented, definitions: Mapping[str, str]
) -> list[str] | None:
    calls = calls_of(stops)
    changed = []
    for function in dict.fromkeys(instrumented.steps[step].function for step in calls):
        if function == BLOCK:
            continue  # it is sent with its stops in it
        text = with_stops(definitions.get(function, ""), function, instrumented, calls)
        if not text:
            return None
        changed.append(f"{text.rstrip()};\n")
    return changed


def _named(text: str, race: Race) -> str:
    """Put :names in the place of drawn values."""
    for name, literal in race.literals.items():
        text = text.replace(literal, f":{name}")
    return text


def look_at(race: Race, tables: Sequence[str], audit: str, trace: Trace) -> str:
    """Return SQL that shows the contradiction: the audit that fails, or what the race looks at.

    ``tables`` are those that the schedule changed, in case there is neither.
    """
    answers = [
        f"-- {session.name} was told {readable(ending(results[-1]), race, trace.drawn)}"
        for session, results in zip(race.sessions, trace.results, strict=True)
        if results
    ]
    if audit:
        shown = [f"-- Returns a row for each violation; there should be none.\n{audit};"]
    elif race.state:
        shown = [f"{_named(query.text, race)};" for query in race.state]
    else:
        shown = [f"select * from {table};" for table in tables]
    return "\n".join([*(shorten(answer, 110) for answer in answers), *shown])
