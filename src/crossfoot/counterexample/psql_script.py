"""A finding as a script for psql in two or three terminals, for whoever wants to see it without us.

Two plain terminals can't stop inside of a function. The script gives the functions the lines that
can: a line waits for an advisory lock which another terminal holds. It shows all that it adds.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crossfoot.counterexample.lanes import calls_where_they_matter
from crossfoot.counterexample.psql_stops import with_stops
from crossfoot.counterexample.wording import ending, readable, shorten
from crossfoot.explorer.instrument import Instrumented
from crossfoot.explorer.race import Call, Race
from crossfoot.explorer.trace import Event, Trace

CONDUCTOR = "C"
HANGS = "no answer yet"
_LOCKS = 4343  # the class of the advisory locks
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


@dataclass(frozen=True)
class Recipe:
    """What a system is made of: its files, the SQL that puts a known mistake in, its functions.

    ``definitions`` holds them by name, as PostgreSQL shows them; ``role`` makes the calls.
    """

    files: tuple[str, ...] = ()
    mistake: str = ""
    definitions: Mapping[str, str] = field(default_factory=dict)
    role: str | None = None


@dataclass
class Block:
    """Lines for one terminal. ``hangs`` says why it gives no answer for now; "" if it does."""

    terminal: str
    says: str
    lines: list[str] = field(default_factory=list)
    hangs: str = ""

    def __str__(self) -> str:
        hangs = f": {self.hangs}; {HANGS}" if self.hangs else ""
        return "\n".join([f"-- [{self.terminal}] {self.says}{hangs}", *self.lines, ""])


@dataclass(frozen=True)
class Stop:
    """A place where a session stands while others go on: at the event ``at`` it goes on again."""

    number: int
    session: int
    step: int
    at: int
    called: int  # the event at which its call was sent


def script(
    race: Race,
    trace: Trace,
    instrumented: Instrumented,
    recipe: Recipe,
    *,
    summary: str,
    look: str,
) -> str:
    """Return the script; "" where a session would have to stop in a place that has no room for it.

    ``summary`` is the finding's; ``look`` is the SQL that shows the contradiction.
    """
    events = calls_where_they_matter(trace.events)
    stops = _stops(events)
    if stops is None:
        return ""
    changed = _functions(stops, instrumented, recipe.definitions)
    if changed is None:
        return ""
    writer = _Writer(race, events, stops, recipe.role)
    blocks = writer.write()
    conducted = CONDUCTOR in {block.terminal for block in blocks}
    setup = Block(
        "A",
        "the functions, each with a line that can wait, and the rows",
        [
            _STOP,
            *([f"-- the mistake\n{recipe.mistake}"] if recipe.mistake else []),
            *changed,
            *writer.variables,
            *([f"{_named(race.setup, race)};"] if race.setup else []),
        ],
    )
    letters = [*(_letter(index) for index in range(len(race.sessions)))]
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
        "another terminal holds its lock, as a busy machine may make any line wait.",
    ]
    return "\n".join(f"-- {line}".rstrip() for line in said) + "\n"


def _stops(events: Sequence[Event]) -> list[Stop] | None:
    """Return where sessions stop inside of functions; None if one does at a step passed before."""
    found: list[Stop] = []
    last: dict[int, int] = {}
    called: dict[int, int] = {}
    passed: set[tuple[int, int]] = set()
    for at, event in enumerate(events):
        if event.kind == "call":
            called[event.session] = at
        if event.kind == "step":
            place = event.session, event.step
            between = events[last.get(event.session, at) : at]
            if any(e.session != event.session and e.kind != "wake" for e in between):
                if place in passed:
                    return None
                found.append(Stop(len(found) + 1, *place, at, called[event.session]))
            passed.add(place)
        last[event.session] = at
    return found


def _functions(
    stops: Sequence[Stop], instrumented: Instrumented, definitions: Mapping[str, str]
) -> list[str] | None:
    by_step: dict[int, list[int]] = {}
    for stop in stops:
        by_step.setdefault(stop.step, []).append(stop.number)
    changed = []
    for function in dict.fromkeys(instrumented.steps[step].function for step in by_step):
        text = with_stops(definitions.get(function, ""), function, instrumented, by_step)
        if not text:
            return None
        changed.append(f"{text.rstrip()};\n")
    return changed


def _letter(index: int) -> str:
    return "ABDEFG"[index]


def _named(text: str, race: Race) -> str:
    """Put :names in the place of drawn values."""
    for name, literal in race.literals.items():
        text = text.replace(literal, f":{name}")
    return text


class _Writer:
    """Walks the events of a schedule and writes what is typed where."""

    def __init__(
        self, race: Race, events: Sequence[Event], stops: Sequence[Stop], role: str | None
    ) -> None:
        self.race = race
        self.events = events
        self.stops = {stop.at: stop for stop in stops}
        self.role = role
        self.blocks: list[Block] = []
        self.begun: set[int] = set()

    @property
    def variables(self) -> list[str]:
        """Return the psql variables that stand for the race's values."""
        return [
            f"\\set {name} '{literal.replace(chr(39), chr(39) * 2)}'"
            for name, literal in self.race.literals.items()
        ]

    def write(self) -> list[Block]:
        """Return the blocks in their order."""
        for index, session in enumerate(self.race.sessions):
            self.block(index, f"{session.name} gets ready").lines += self.preamble(index)
        for at, event in enumerate(self.events):
            self.event(at, event)
        return [block for block in self.blocks if block.lines]

    def preamble(self, index: int) -> list[str]:
        mine = [str(stop.number) for stop in self.stops.values() if stop.session == index]
        lines = self.variables if index else []  # the first terminal has them from the set-up
        if self.role:
            lines.append(f"set role {self.role};")
        if mine:
            lines.append(f"set by_hand.stops = '{' '.join(mine)}';")
        for stop in self.stops.values():
            holder = self.holder(stop)
            if holder == index:
                lines.append(f"select pg_advisory_lock({_LOCKS}, {stop.number});")
            elif holder is None and index == len(self.race.sessions) - 1:
                lock = f"select pg_advisory_lock({_LOCKS}, {stop.number});"
                self.blocks.insert(0, Block(CONDUCTOR, "holds a lock", [lock]))
        return lines

    def holder(self, stop: Stop) -> int | None:
        """Return a session that can give up the lock of a stop: one that waits for nothing then."""
        for index in range(len(self.race.sessions)):
            if index != stop.session and not self.busy(index, stop.at):
                return index
        return None

    def busy(self, index: int, at: int) -> bool:
        """Say whether a session's statement is under way at an event."""
        mine = [event.kind for event in self.events[:at] if event.session == index]
        ends = {"return", "error", "commit"}
        return "call" in mine and not ends & set(mine[len(mine) - mine[::-1].index("call") :])

    def block(self, index: int, says: str) -> Block:
        self.blocks.append(Block(_letter(index), says))
        return self.blocks[-1]

    def event(self, at: int, event: Event) -> None:
        index, name = event.session, self.race.sessions[event.session].name
        if stop := self.stops.get(at):
            holder = self.holder(stop)
            release = f"select pg_advisory_unlock({_LOCKS}, {stop.number});"
            terminal = CONDUCTOR if holder is None else _letter(holder)
            self.blocks.append(Block(terminal, f"lets {name} go on", [release]))
        if event.kind == "call" and event.call:
            block = self.block(index, name)
            if index not in self.begun and self.in_block(at):
                self.begun.add(index)
                level = self.race.isolation
                block.lines.append(
                    "begin;" if level == "read committed" else f"begin isolation level {level};"
                )
            block.lines.append(self.sent(event.call))
            block.hangs = self.hangs(at)
        if event.kind in {"commit", "error"} and index in self.begun:
            self.begun.discard(index)
            says = f"{name} commits" if event.kind == "commit" else f"{name} gives up"
            ends = "commit;" if event.kind == "commit" else "rollback;"
            self.block(index, says).lines.append(ends)

    def in_block(self, at: int) -> bool:
        """Say whether the transaction that begins here needs a BEGIN of its own.

        It does unless it is one statement which is committed at once.
        """
        index = self.events[at].session
        if self.race.isolation != "read committed":
            return True
        rest = [(number, event) for number, event in enumerate(self.events) if number > at]
        mine = [(number, event) for number, event in rest if event.session == index]
        kinds = [event.kind for _, event in mine]
        if "commit" not in kinds:
            return "call" in kinds
        end = kinds.index("commit")
        if "call" in kinds[:end] or end == 0:
            return True
        between = self.events[mine[end - 1][0] + 1 : mine[end][0]]
        return any(event.session != index and event.kind != "wake" for event in between)

    def hangs(self, at: int) -> str:
        """Return why a call gives no answer before somebody else goes on; "" if it does."""
        index = self.events[at].session
        for number in range(at + 1, len(self.events)):
            event = self.events[number]
            if event.session != index:
                if event.kind != "wake":
                    break
                continue
            if event.kind == "wait":
                return "it waits for a lock"
            if event.kind in {"return", "error"}:
                return ""
        stop = next((s for s in self.stops.values() if s.called == at), None)
        return "it stops inside of the function" if stop else ""

    def sent(self, call: Call) -> str:
        """Return a statement as it is typed."""
        text = call.shown.rstrip().rstrip(";")
        if not call.keep:
            return f"{text};"
        results = (e.result for e in self.events if e.result and e.result.call is call)
        column = next((result.columns[0] for result in results if result.columns), call.keep)
        return f"{text} \\gset kept_\n\\set {call.keep} '''' :kept_{column} ''''"


def look_at(race: Race, tables: Sequence[str], audit: str, trace: Trace) -> str:
    """Return SQL that shows the contradiction: the audit that fails, or what the race looks at.

    ``tables`` are those that the schedule changed, in case there is neither.
    """
    answers = [
        f"-- {session.name} was told {readable(ending(results[-1]), race)}"
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
