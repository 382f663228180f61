"""Where a PL/pgSQL body can be stopped: before each statement that touches data.

A recogniser, not a parser: it knows blocks, conditions and loops, and takes everything else as one
statement up to its semicolon. PostgreSQL compiles what comes of it, so a misread body is refused
there instead of being explored wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from crossfoot.errors import ContentError
from crossfoot.explorer.callees import Callees
from crossfoot.explorer.nested import executed, statements_of, steps_within
from crossfoot.explorer.places import Edit, Place, statement_places
from crossfoot.sql import Token, tokens

__all__ = ["Edit", "Place", "Recognised", "recognise", "statement_places"]

_JUDGED_BY_CONTENT = frozenset(
    {"select", "perform", "return", "raise", "assert", "exit", "continue", "get", "null", "close"}
)
_WORD = re.compile(r"\w+")
_HARMLESS = frozenset({"set", "reset", "get", "null", "close"})


@dataclass
class Recognised:
    """What was found in a body.

    ``early`` says that its declarations touch data before any step. ``awaited`` are functions after
    whose return the calling statement may touch data; ``returned`` those whose result is returned.
    ``variables`` are those that the whole body can see and that can be shown at any time.
    """

    edits: list[Edit] = field(default_factory=list)
    early: bool = False
    awaited: set[str] = field(default_factory=set)
    returned: set[str] = field(default_factory=set)
    variables: list[str] = field(default_factory=list)


class _Reader:
    """Recursive descent over the tokens of one body."""

    def __init__(self, body: str, callees: Callees, *, return_steps: bool) -> None:
        self.data = body.encode()
        self.tokens = tokens(body)
        self.callees = callees
        self.return_steps = return_steps
        self.at = 0
        self.found = Recognised()

    # -- tokens ---------------------------------------------------------------------------------

    def word(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.tokens[index].word if index < len(self.tokens) else ""

    def expect(self, *words: str) -> None:
        for word in words:
            if self.word() != word:
                raise ContentError(
                    f"line {self.line(self.here)}: {word!r} expected, not {self.word()!r}"
                )
            self.at += 1

    @property
    def here(self) -> int:
        return self.tokens[self.at].start if self.at < len(self.tokens) else len(self.data)

    def line(self, offset: int) -> int:
        return 1 + self.data.count(b"\n", 0, offset)

    def until(self, *ends: str) -> list[Token]:
        """Take tokens up to one of ``ends`` outside parentheses.

        PL/pgSQL does the same: a CASE expression's THEN would end a condition there too.
        """
        start, depth = self.at, 0
        while self.at < len(self.tokens):
            word = self.word()
            if depth == 0 and word in ends:
                return self.tokens[start : self.at]
            depth += (word in {"(", "["}) - (word in {")", "]"})
            self.at += 1
        raise ContentError(
            f"line {self.line(len(self.data))}: {' or '.join(ends)} expected before the end"
        )

    # -- judging --------------------------------------------------------------------------------

    def touches(
        self, found: Sequence[Token], *, reads: bool = False, whole: Sequence[Token] = ()
    ) -> bool:
        """Say whether these tokens need a step before them; note the calls whose return matters.

        ``whole`` is the statement, where that is more than these tokens.
        """
        self.found.awaited |= set(self.callees.awaits(whole or found))
        return reads or self.callees.touches(found)

    def place(self, offset: int, end: int, kind: str = "statement") -> Place:
        text = " ".join(self.data[offset:end].decode().split())
        return Place(offset, self.line(offset), text, kind)

    def step(self, offset: int, end: int, kind: str = "statement") -> None:
        place = self.place(offset, end, kind)
        self.found.edits.append(Edit(offset, offset, "", place, " "))

    # -- grammar --------------------------------------------------------------------------------

    def body(self) -> Recognised:
        self.skip_options()
        self.found.early = self.block(outermost=True)
        return self.found

    def skip_options(self) -> None:
        while self.word() == "#":
            line = self.line(self.here)
            while self.at < len(self.tokens) and self.line(self.here) == line:
                self.at += 1

    def label(self) -> None:
        while self.word() == "<<":
            self.until(">>")
            self.at += 1

    def block(self, *, outermost: bool = False) -> bool:
        """Read ``[<<label>>] [declare ...] begin ... end``; say whether its declarations touch data."""
        self.label()
        early = self.declarations(visible=outermost) if self.word() == "declare" else False
        self.expect("begin")
        self.statements("exception", "end")
        closing = self.here
        if outermost and self.return_steps:
            self.step(closing, closing + len("end"), "return")
        if self.word() == "exception":
            self.at += 1
            while self.word() == "when":
                self.until("then")
                self.at += 1
                self.statements("when", "end")
        self.expect("end")
        if not outermost:
            self.until(";")
            self.at += 1
        return early

    def declarations(self, *, visible: bool = False) -> bool:
        early = False
        while self.word() == "declare":
            self.at += 1
        while self.word() != "begin":
            declared = self.until(";")
            early = early or self.touches(declared)
            # A record that nothing was assigned to can't be looked at.
            if visible and not {"record", "cursor", "alias"} & {token.word for token in declared}:
                self.found.variables.append(declared[0].text)
            self.at += 1
            while self.word() == "declare":
                self.at += 1
        return early

    def statements(self, *ends: str) -> None:
        while self.at < len(self.tokens) and self.word() not in ends:
            self.statement()
        if self.at >= len(self.tokens):
            raise ContentError(
                f"line {self.line(len(self.data))}: {' or '.join(ends)} expected before the end"
            )

    def statement(self) -> None:
        start, mark = self.here, self.at
        self.label()
        word = self.word()
        if word in {"declare", "begin"}:
            self.at = mark
            self.nested_block(start)
        elif word == "if":
            self.conditional(start)
        elif word == "case":
            self.case(start)
        elif word in {"loop", "while", "for", "foreach"}:
            self.loop(start, word)
        else:
            self.simple(start)

    def nested_block(self, start: int) -> None:
        index = len(self.found.edits)
        if self.block():
            place = self.place(start, start + len(b"declare"))
            self.found.edits.insert(index, Edit(start, start, "", place, " "))

    def conditional(self, start: int) -> None:
        self.expect("if")
        condition = self.until("then")
        if self.touches(condition):
            self.step(start, self.here)
        self.at += 1
        self.statements("elsif", "elseif", "else", "end")
        opened = 0
        while self.word() in {"elsif", "elseif"}:
            opened += self.alternative("if", "elsif", "elseif", "else", "end")
        self.otherwise("if", opened)

    def alternative(self, opening: str, *ends: str) -> int:
        """Read one ELSIF or WHEN; return 1 if it became ELSE, a step and an ``opening`` of its own.

        It does if its condition touches data. A step inside the condition would run on the snapshot
        that the condition then keeps.
        """
        offset, end = self.here, self.tokens[self.at].end
        self.at += 1
        condition = self.until("then")
        touching = self.touches(condition)
        if touching:
            place = self.place(offset, self.here)
            self.found.edits.append(Edit(offset, end, "else ", place, f" {opening}"))
        self.at += 1
        self.statements(*ends)
        return int(touching)

    def otherwise(self, opening: str, opened: int) -> None:
        """Read the ELSE and the end, and end what the alternatives opened."""
        if self.word() == "else":
            self.at += 1
            self.statements("end")
        if opened:
            ends = f"end {opening}; " * opened
            self.found.edits.append(Edit(self.here, self.here, ends, None))
        self.expect("end", opening, ";")

    def case(self, start: int) -> None:
        """Read a CASE. With an operand it can't be taken apart: one step before all its conditions."""
        self.expect("case")
        operand = self.until("when")
        end, opened = self.here, 0
        touching = self.touches(operand)
        while self.word() == "when":
            if operand or self.here == end:
                self.at += 1
                touching = self.touches(self.until("then")) or touching
                self.at += 1
                self.statements("when", "else", "end")
            else:
                opened += self.alternative("case when", "when", "else", "end")
        self.otherwise("case", opened)
        if touching:
            self.step(start, end)

    def loop(self, start: int, word: str) -> None:
        keyword, keyword_end = self.here, self.tokens[self.at].end
        if word != "loop":
            self.at += 1
        condition = self.until("loop")
        # A row loop over a cursor says so neither by a query nor by a range.
        rows = word == "for" and not any(token.text == ".." for token in condition)
        touching = self.touches(condition, reads=rows)
        if touching and word == "while":
            self.repeated_condition(keyword, keyword_end)
        elif touching:
            self.step(start, self.here)
        self.at += 1
        self.statements("end")
        self.expect("end", "loop")
        self.until(";")
        self.at += 1

    def repeated_condition(self, keyword: int, keyword_end: int) -> None:
        """Make ``while c loop`` into ``loop step exit when (c) is not true;``: c is read each time round."""
        place = self.place(keyword, self.here)
        loop = self.tokens[self.at]
        self.found.edits.append(Edit(keyword, keyword_end, "loop ", place, " exit when ("))
        self.found.edits.append(Edit(loop.start, loop.end, ") is not true;", None))

    def simple(self, start: int) -> None:
        found = self.until(";")
        end = self.tokens[self.at].end
        self.at += 1
        if not found:
            return
        first = found[0].word
        is_return = self.return_steps and first == "return" and not self.sets_returned(found)
        if self.needs_step(found):
            self.step(start, end, "commit" if first in {"commit", "rollback"} else "statement")
            if first == "execute":
                self.executed(found)
        elif is_return:
            self.step(start, end, "return")

    def executed(self, found: Sequence[Token]) -> None:
        """Put steps into what an EXECUTE runs, and note the calls in it whose return matters.

        In a string that is put together, any function that is named may be one of those.
        """
        literal, is_format = executed(found)
        try:
            if literal:
                edits = steps_within(literal.text, self.block_steps)
                self.found.edits += [literal.moved(edit, self.data) for edit in edits]
            if literal and not is_format:
                for _, statement in statements_of(literal.text):
                    self.found.awaited |= set(self.callees.awaits(statement))
                return
        except ContentError:
            pass  # it is no SQL, or no body: PostgreSQL will say so, if it ever gets there
        named = {word for token in found for word in _WORD.findall(token.text)}
        self.found.awaited |= named & self.callees.touching

    def block_steps(self, body: str) -> Sequence[Edit]:
        """Return the steps of a DO block that this body runs."""
        read = recognise(body, self.callees, return_steps=False)
        self.found.awaited |= read.awaited
        return read.edits

    @staticmethod
    def sets_returned(found: Sequence[Token]) -> bool:
        """Say whether this is RETURN NEXT or RETURN QUERY, after which the function goes on."""
        return len(found) > 1 and found[1].word in {"next", "query"}

    def needs_step(self, found: Sequence[Token]) -> bool:
        first = found[0].word
        # SET CONSTRAINTS runs the deferred triggers.
        if first in _HARMLESS and [token.word for token in found[1:2]] != ["constraints"]:
            return False
        if first in _JUDGED_BY_CONTENT or self.is_assignment(found):
            if first == "return":
                self.found.returned |= set(self.callees.called(found))
            return self.touches(found[1:], reads=self.reads_from(found), whole=found)
        self.touches(found, reads=True)
        return True

    @staticmethod
    def reads_from(found: Sequence[Token]) -> bool:
        """Say whether a SELECT or PERFORM has a FROM clause; ``is distinct from`` isn't one."""
        selects = found[0].word in {"select", "perform"}
        return selects and any(
            a.word != "distinct" and b.word == "from" for a, b in pairwise(found)
        )

    @staticmethod
    def is_assignment(found: Sequence[Token]) -> bool:
        """Say whether this is ``name.field[index] := ...`` (or ``=``)."""
        depth = 0
        for previous, token in pairwise(found):
            if depth == 0 and token.text in {":=", "="}:
                return True
            depth += (token.text == "[") - (token.text == "]")
            part_of_name = previous.text == "." or token.text in {".", "[", "]"}
            if depth == 0 and not part_of_name:
                return False
        return False


def recognise(body: str, callees: Callees, *, return_steps: bool) -> Recognised:
    """Find the places for steps in a PL/pgSQL body.

    ``return_steps`` asks for a step before the body returns too. Raises ContentError where the body
    can't be read.
    """
    return _Reader(body, callees, return_steps=return_steps).body()
