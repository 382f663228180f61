"""SQL that stands in a string literal: what EXECUTE runs, and the body of a DO block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from crossfoot.explorer.places import Edit, Place, statement_places
from crossfoot.sql import Token, tokens

_IN_SQL = "select crossfoot.step({});"
_IN_BLOCK = "assert crossfoot.step({});"


@dataclass(frozen=True)
class Literal:
    """What a string literal says. ``offsets`` tells where each byte of it stands in the source."""

    text: str
    offsets: Sequence[int]

    def moved(self, edit: Edit, source: bytes) -> Edit:
        """Return an edit of the text as one of the source."""
        start, end = self.offsets[edit.start], self.offsets[edit.end]
        line = 1 + source.count(b"\n", 0, start)
        place = edit.place and replace(edit.place, offset=start, line=line)
        if place and place.kind == "statement":
            place = replace(place, kind="nested")
        return replace(edit, start=start, end=end, place=place)


def read_literal(token: Token) -> Literal | None:
    """Return what a string literal says; None if it is none, or one with escapes."""
    data = token.text.encode()
    if token.kind != "SCONST":
        return None
    if data[:1] == b"$":
        quote = data.index(b"$", 1) + 1
        inner = range(quote, len(data) - quote)
        return Literal(
            data[quote:-quote].decode(), [token.start + at for at in [*inner, inner.stop]]
        )
    opening = data.index(b"'") + 1
    if data[:opening].upper() not in {b"'", b"E'"} or b"\\" in data:
        return None
    kept = list(_single_quotes(data, opening))
    text = bytes(data[at] for at in kept)
    return Literal(text.decode(), [token.start + at for at in [*kept, len(data) - 1]])


def _single_quotes(data: bytes, at: int) -> Iterator[int]:
    """Yield where the bytes of a quoted string stand; a quote in it is written twice."""
    while at < len(data) - 1:
        yield at
        at += 2 if data[at : at + 1] == b"'" else 1


def executed(found: Sequence[Token]) -> tuple[Literal | None, bool]:
    """Return what an EXECUTE statement runs, if that is one literal or its format is one; and whether
    it is a format.
    """
    is_format = [token.word for token in found[1:3]] == ["format", "("]
    at = 3 if is_format else 1
    after = found[at + 1].word if len(found) > at + 1 else ""
    whole = after in ({",", ")"} if is_format else {"", "into", "using"})
    return read_literal(found[at]) if len(found) > at and whole else None, is_format


def statements_of(sql: str) -> list[tuple[Place, list[Token]]]:
    """Return where each statement begins, and its tokens. Raises ContentError."""
    starts = statement_places(sql)
    found = tokens(sql)
    ends = [*(place.offset for place in starts[1:]), len(sql.encode())]
    return [
        (place, [each for each in found if place.offset <= each.start < end and each.text != ";"])
        for place, end in zip(starts, ends, strict=True)
    ]


def steps_within(sql: str, blocks: Callable[[str], Sequence[Edit]]) -> list[Edit]:
    """Return the steps between statements sent as one string, and those in their DO blocks.

    ``blocks`` finds the steps in the body of a block. There is none before the first statement.
    """
    edits: list[Edit] = []
    for number, (place, found) in enumerate(statements_of(sql)):
        if number:
            edits.append(Edit(place.offset, place.offset, "", place, " ", _IN_SQL))
        if body := _block(found):
            within = [body.moved(edit, sql.encode()) for edit in blocks(body.text)]
            edits += [replace(edit, written=edit.written or _IN_BLOCK) for edit in within]
    return edits


def _block(found: Sequence[Token]) -> Literal | None:
    """Return the body of a DO block in PL/pgSQL; None if this is another statement."""
    words = [token.word for token in found]
    if words[:1] != ["do"] or ("language" in words and "plpgsql" not in words):
        return None
    return next((body for token in found if (body := read_literal(token))), None)
