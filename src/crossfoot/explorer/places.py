"""Places for steps in SQL text, and what has to be put there."""

from __future__ import annotations

from dataclasses import dataclass

from crossfoot.explorer.rows import Reach
from crossfoot.sql import tokens


@dataclass(frozen=True)
class Place:
    """A place for a step: ``offset`` (bytes) in the body, its ``line`` (from 1) and what follows there.

    Its ``kind`` is "statement", "commit" (COMMIT or ROLLBACK), "return", or "nested" where it lies in
    a string that is executed. ``reach`` is what the statement may touch, where that is known.
    """

    offset: int
    line: int
    text: str
    kind: str = "statement"
    reach: Reach | None = None


@dataclass(frozen=True)
class Edit:
    """Bytes ``start:end`` of the body make way for ``before``, a step standing for ``place``, ``after``.

    ``written`` is how the step is written, where that isn't as in the rest of the body.
    """

    start: int
    end: int
    before: str
    place: Place | None
    after: str = ""
    written: str = ""


def statement_places(body: str) -> list[Place]:
    """Return the start of every statement of a ``language sql`` body."""
    data = body.encode()
    places: list[Place] = []
    start: int | None = None
    end = 0
    for token in [*tokens(body), None]:
        if token is None or token.text == ";":
            if start is not None:
                text = " ".join(data[start:end].decode().split())
                places.append(Place(start, 1 + data.count(b"\n", 0, start), text))
            start = None
        else:
            start = token.start if start is None else start
            end = token.end
    return places
