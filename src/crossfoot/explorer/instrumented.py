"""What the steps of an instrumented clone stand for, and what is known of the statements around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from crossfoot.explorer.callees import Callees, spelt
from crossfoot.explorer.footprint import NOTHING, Watch, not_all_counted
from crossfoot.explorer.locking import Locking
from crossfoot.explorer.nested import steps_within
from crossfoot.explorer.places import Edit, Place
from crossfoot.explorer.reach import reach_of
from crossfoot.explorer.recognise import recognise
from crossfoot.explorer.rows import Reach
from crossfoot.explorer.tables import Tables
from crossfoot.sql import names_relations, tokens

_COMMENT = r"--[^\n]*\n|/\*.*?\*/"
_ENDS = re.compile(r"\b(commit|rollback)\b", re.IGNORECASE)
_FOR = re.compile(r"\bfor\b", re.IGNORECASE)
LOCK_TIMEOUT = re.compile(r"\block_timeout\b", re.IGNORECASE)
TIMEOUT = re.compile(r"\b(statement|transaction)_timeout\b", re.IGNORECASE)
RELEASES = re.compile(
    rf"\b(exception(\s|{_COMMENT})+when|pg_advisory_unlock\w*|commit|rollback)\b",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Step:
    """One step: its number, the function and line (of the body, from 1) it stands in, what follows it.

    ``reach`` is what the latter may touch, where that is known.
    """

    number: int
    function: str
    line: int
    text: str
    kind: str
    reach: Reach | None = None


P = ParamSpec("P")
T = TypeVar("T")


def _remembered(
    judge: Callable[Concatenate[Instrumented, P], T],
) -> Callable[Concatenate[Instrumented, P], T]:
    """Judge a statement once: the same ones are sent in every schedule."""

    @wraps(judge)
    def remembered(self: Instrumented, /, *given: P.args, **named: P.kwargs) -> T:
        key = judge.__name__, *given
        if key not in self._answers:
            self._answers[key] = judge(self, *given, **named)
        answer: T = self._answers[key]
        return answer

    return remembered


@dataclass
class Instrumented:
    """What the steps of a clone stand for.

    ``steps`` maps numbers to steps. ``functions`` are the instrumented ones, by qualified name;
    ``quiet_start`` those among them in which nothing touches data before the first step, ``early``
    those in which something does.
    ``cleaning`` is what takes back what a session keeps from one schedule to the next.
    ``releasing`` are the functions, by unqualified name, that may give up a lock before the calling
    statement ends: by an exception block, an advisory unlock, or a COMMIT of their own.
    ``committing`` are the procedures, by unqualified name, that may end a transaction and go on.
    ``unseen`` says that a step may be reached though no statement names its function: by a trigger, a
    default, a policy, an operator.
    ``impatient`` says that one of them sets a lock_timeout of its own, ``timed`` another timeout;
    ``begins`` that the order in which transactions begin may matter.
    ``watch`` is what is counted of what they touch, nothing where that wouldn't tell all; ``locking``
    which of the rows that they read may be locked, ``tables`` what their keys are, if anybody asks.
    """

    steps: dict[int, Step] = field(default_factory=dict)
    functions: set[str] = field(default_factory=set)
    quiet_start: set[str] = field(default_factory=set)
    early: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)
    callees: Callees = field(default_factory=Callees)
    cleaning: str = ""
    releasing: frozenset[str] = frozenset()
    committing: frozenset[str] = frozenset()
    unseen: bool = False
    impatient: bool = False
    timed: bool = False
    begins: bool = False
    watch: Watch = NOTHING
    locking: Locking = field(default_factory=Locking)
    tables: Tables | None = None
    _stepped: dict[str, str] = field(default_factory=dict)
    _answers: dict[tuple[object, ...], Any] = field(default_factory=dict)

    def changed(self, **changes: Any) -> Instrumented:
        """Return what steps stand for where some of it is otherwise."""
        return replace(self, **changes, _answers={})

    def with_steps(self, text: str) -> str:
        """Return a client statement with steps in it: the body of a DO block has some.

        Raises ContentError where the body can't be read.
        """
        if text not in self._stepped:
            edits = steps_within(text, self._read_block) if "do" in text[:2].lower() else []
            self._stepped[text] = self.apply(text, edits, "DO", "")
        return self._stepped[text]

    def _read_block(self, body: str) -> list[Edit]:
        read = recognise(body, self.callees, return_steps=False)
        self.callees = replace(self.callees, awaited=self.callees.awaited | read.awaited)
        return read.edits

    def apply(self, body: str, edits: Sequence[Edit], name: str, written: str) -> str:
        """Return a function's body with its edits; the line of each statement stays what it was.

        ``written`` is how a step is written. PERFORM would overwrite FOUND and ROW_COUNT; ASSERT leaves
        both alone.
        """
        data = body.encode()
        out: list[bytes] = []
        position = 0
        for edit in sorted(edits, key=lambda edit: edit.start):
            out += [data[position : edit.start], edit.before.encode()]
            if edit.place:
                step = (edit.written or written).format(self._number(edit.place, name))
                out.append(step.encode())
            out.append(edit.after.encode())
            position = edit.end
        return b"".join([*out, data[position:]]).decode()

    def _number(self, place: Place, name: str) -> int:
        number = len(self.steps) + 1
        self.steps[number] = Step(number, name, place.line, place.text, place.kind, place.reach)
        return number

    @_remembered
    def commits(self, text: str) -> bool:
        """Say whether a client statement may end transactions, and so has to begin its own."""
        words = {spelt(token) for token in tokens(text)}
        if "do" in words:
            return bool(_ENDS.search(text))
        return "call" in words and bool(words & self.committing)

    @_remembered
    def may_stop(self, text: str) -> bool:
        """Say whether a client statement may come to a step."""
        words = {spelt(token) for token in tokens(text)}
        names = {name.rpartition(".")[2] for name in self.functions | self.skipped.keys()}
        return self.unseen or "do" in words or bool(words & names)

    @_remembered
    def releases(self, text: str) -> bool:
        """Say whether a client statement may give up a lock before it ends."""
        words = {spelt(token) for token in tokens(text)}
        block = "do" in words and bool(RELEASES.search(text))
        return block or bool(words & self.releasing) or "rollback" in words

    @_remembered
    def lockable(self, text: str, stop: int) -> frozenset[int]:
        """Return the tables in which a statement may lock rows that it reads, from a stop to the next.

        ``stop`` 0 is its beginning.
        """
        within = self.steps[stop].text if stop else ""
        return self.locking.tables(text, within, self.watch)

    @_remembered
    def shows_all(self, text: str) -> bool:
        """Say whether the counters show all that a client statement touches, where it touches it."""
        return not not_all_counted(text) and not self.locking.locks_late(text, self.callees)

    @_remembered
    def holds_snapshot(self, text: str, *stops: int) -> bool:
        """Say whether a statement may go on reading, after a stop, from a snapshot taken before it.

        It does if it calls a function and reads tables too, or calls two; so does a function's
        statement that calls one of those that are awaited.
        """
        names = {self.steps[stop].function.rpartition(".")[2] for stop in stops if stop}
        if not names or names & self.callees.awaited:
            return bool(names)
        called = self.callees.called(tokens(text))
        if len(called) == 1 and not self.callees.hidden:
            return names_relations(text)
        return bool(called) and not self.starts_quietly(text)

    @_remembered
    def reads_on(self, text: str) -> bool:
        """Say whether a client statement may go on reading in any step of what it calls: by a loop."""
        words = {spelt(token) for token in tokens(text)}
        return "do" in words and bool(_FOR.search(text))

    @_remembered
    def reach(self, text: str) -> Reach | None:
        """Return what a client statement may touch, if it says so."""
        return reach_of(text, self.tables, self.callees, ()) if self.tables else None

    @_remembered
    def starts_quietly(self, text: str) -> bool:
        """Say whether a client statement is a plain call that touches nothing before its first step."""
        words = tokens(text)
        path = [token.word for token in words]
        at = 3 if path[:3] == ["select", "*", "from"] else 1
        if path[:1] not in (["select"], ["call"]) or path[at + 1 : at + 2] != ["."]:
            return False
        function = f"{path[at]}.{path[at + 2]}"
        rest = words[at + 3 :]
        plain = not self.callees.called(rest) and not {"select", "from", "where"} & {
            token.word for token in rest
        }
        return plain and not self.callees.hidden and function in self.quiet_start
