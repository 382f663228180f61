"""What is typed into which terminal, to play a schedule by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from crossfoot.counterexample.psql_stops import Stops, block_with_stops
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.explorer.race import Call, Race
from crossfoot.explorer.trace import Event

CONDUCTOR = "C"
HANGS = "no answer yet"
LOCKS = 4343  # the class of the advisory locks


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
    """A place where a session stands while others go on: at the event ``at`` it goes on again.

    ``arrival`` says how many times it has come there then, and ``called`` at which event its call was
    sent.
    """

    number: int
    session: int
    step: int
    at: int
    arrival: int
    called: int

    @property
    def call(self) -> str:
        """Return the call that stops there."""
        arrival = f", {self.arrival}" if self.arrival > 1 else ""
        return f"by_hand.stop({self.number}{arrival})"


def stops_of(events: Sequence[Event]) -> list[Stop]:
    """Return where sessions stop inside of functions."""
    found: list[Stop] = []
    last: dict[int, int] = {}
    called: dict[int, int] = {}
    arrivals: Counter[tuple[int, int]] = Counter()
    for at, event in enumerate(events):
        if event.kind == "call":
            called[event.session] = at
        if event.kind == "step":
            place = event.session, event.step
            arrivals[place] += 1
            between = events[last.get(event.session, at) : at]
            if any(e.session != event.session and e.kind != "wake" for e in between):
                number, arrival = len(found) + 1, arrivals[place]
                found.append(Stop(number, *place, at, arrival, called[event.session]))
        last[event.session] = at
    return found


def calls_of(stops: Iterable[Stop]) -> Stops:
    """Return the calls that stop, by step."""
    found: dict[int, list[str]] = {}
    for stop in stops:
        found.setdefault(stop.step, []).append(stop.call)
    return found


def letter_of(index: int) -> str:
    """Return the terminal of a session; C is the conductor's."""
    return "ABDEFG"[index]


class Writer:
    """Walks the events of a schedule and writes what is typed where."""

    def __init__(
        self,
        race: Race,
        events: Sequence[Event],
        stops: Sequence[Stop],
        role: str | None,
        instrumented: Instrumented,
    ) -> None:
        self.race = race
        self.events = events
        self.stops = {stop.at: stop for stop in stops}
        self.role = role
        self.instrumented = instrumented
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
            self._block(index, f"{session.name} gets ready").lines += self._preamble(index)
        for at, event in enumerate(self.events):
            self._event(at, event)
        return [block for block in self.blocks if block.lines]

    def _preamble(self, index: int) -> list[str]:
        mine = [stop for stop in self.stops.values() if stop.session == index]
        lines = self.variables if index else []  # the first terminal has them from the set-up
        if self.role:
            lines.append(f"set role {self.role};")
        if mine:
            numbers = " ".join(str(stop.number) for stop in mine)
            lines.append(f"set by_hand.stops = '{numbers}';")
        for stop in (each for each in mine if each.arrival > 1):
            count = f"arrivals_{stop.number}"
            lines.append(f"create temporary sequence {count}; grant all on {count} to public;")
        for stop in self.stops.values():
            holder = self._holder(stop)
            if holder == index:
                lines.append(f"select pg_advisory_lock({LOCKS}, {stop.number});")
            elif holder is None and index == len(self.race.sessions) - 1:
                lock = f"select pg_advisory_lock({LOCKS}, {stop.number});"
                self.blocks.insert(0, Block(CONDUCTOR, "holds a lock", [lock]))
        return lines

    def _holder(self, stop: Stop) -> int | None:
        """Return a session that can give up the lock of a stop: one that waits for nothing then.

        Nor before: whoever lost patience may have waited for the one who stops.
        """
        lost = {event.session for event in self.events[: stop.at] if event.kind == "timeout"}
        for index in range(len(self.race.sessions)):
            if index not in {stop.session, *lost} and not self._busy(index, stop.at):
                return index
        return None

    def _busy(self, index: int, at: int) -> bool:
        """Say whether a session's statement is under way at an event."""
        mine = [event.kind for event in self.events[:at] if event.session == index]
        ends = {"return", "error", "commit"}
        return "call" in mine and not ends & set(mine[len(mine) - mine[::-1].index("call") :])

    def _block(self, index: int, says: str) -> Block:
        self.blocks.append(Block(letter_of(index), says))
        return self.blocks[-1]

    def _event(self, at: int, event: Event) -> None:
        index, name = event.session, self.race.sessions[event.session].name
        if stop := self.stops.get(at):
            holder = self._holder(stop)
            release = f"select pg_advisory_unlock({LOCKS}, {stop.number});"
            terminal = CONDUCTOR if holder is None else letter_of(holder)
            self.blocks.append(Block(terminal, f"lets {name} go on", [release]))
        if event.kind == "call" and event.call:
            block = self._block(index, name)
            block.lines += self._beginning(at, event.call)
            block.lines.append(self._sent(event.call))
            block.hangs = self._hangs(at)
        if event.kind == "timeout":
            wait = f"wait until [{letter_of(index)}] has lost patience"
            self.blocks[-1].says += f": {wait}, its lock_timeout is {event.timeout}"
        if event.kind in {"commit", "error"} and index in self.begun:
            self.begun.discard(index)
            says = f"{name} commits" if event.kind == "commit" else f"{name} gives up"
            ends = "commit;" if event.kind == "commit" else "rollback;"
            self._block(index, says).lines.append(ends)

    def _beginning(self, at: int, call: Call) -> list[str]:
        """Return what is typed before a call: its BEGIN, unless it needs none or has had it.

        A call that commits by itself has to stand outside of any transaction.
        """
        index, level = self.events[at].session, self.race.isolation
        if self.instrumented.commits(call.query.text):
            default = f"set default_transaction_isolation = '{level}';"
            return [] if level == "read committed" else [default]
        if index in self.begun or not self._in_block(at):
            return []
        self.begun.add(index)
        return ["begin;" if level == "read committed" else f"begin isolation level {level};"]

    def _in_block(self, at: int) -> bool:
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

    def _hangs(self, at: int) -> str:
        """Return why a call gives no answer before somebody else goes on; "" if it does."""
        index = self.events[at].session
        for number in range(at + 1, len(self.events)):
            event = self.events[number]
            if event.session != index:
                if event.kind != "wake":
                    break
                continue
            if event.kind == "wait" and not self._loses_patience(number):
                return "it waits for a lock"
            if event.kind in {"return", "error"}:
                return ""
        stop = next((s for s in self.stops.values() if s.called == at), None)
        return "it stops inside of the function" if stop else ""

    def _loses_patience(self, at: int) -> bool:
        """Say whether who begins to wait at an event gives up before anybody else goes on."""
        after = self.events[at + 1 : at + 2]
        return [event.kind for event in after] == ["timeout"]

    def _sent(self, call: Call) -> str:
        """Return a statement as it is typed."""
        text = self._with_stops(call).rstrip().rstrip(";")
        if not call.keep:
            return f"{text};"
        results = (e.result for e in self.events if e.result and e.result.call is call)
        column = next((result.columns[0] for result in results if result.columns), call.keep)
        return f"{text} \\gset kept_\n\\set {call.keep} '''' :kept_{column} ''''"

    def _with_stops(self, call: Call) -> str:
        """Return a call as it is shown; a DO block with its stops, which its values don't hide."""
        text = call.query.text
        changed = block_with_stops(text, self.instrumented, calls_of(self.stops.values()))
        return call.shown if changed == text else changed
