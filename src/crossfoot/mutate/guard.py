"""One guard: where it stands, and what stands there without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crossfoot.mutate.scan import Body

FIRES = "crossfoot_probe.fires()"
_LONGEST = 100


@dataclass(frozen=True)
class Guard:
    """A place in a statement, and what stands there when the guard is gone.

    ``start`` and ``end`` are bytes. ``probe`` stands there instead to see whether the guard ever
    takes effect: it raises an error where the guard would. Without one, nothing tells.
    ``asserts`` says that the guard is an error about what can't be; ``loud`` that without it an
    error comes out wherever it would have taken effect.
    """

    kind: str
    name: str
    line: int
    start: int
    end: int
    without: str
    probe: str = ""
    asserts: bool = False
    loud: bool = False


def guard_at(
    body: Body,
    kind: str,
    at: int,
    end: int,
    without: str,
    label: str = "",
    probe: str = "",
    *,
    asserts: bool = False,
    loud: bool = False,
) -> Guard:
    """Return the guard that the tokens ``at`` up to ``end`` are."""
    text = f"{label}{body.text(at, end)}"
    name = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    first, last = body.tokens[at].start, body.tokens[end - 1].end
    return Guard(kind, name, body.line_of(at), first, last, without, probe, asserts, loud)


def condition(
    body: Body,
    kind: str,
    label: str,
    part: tuple[int, int],
    holds: str,
    others: Sequence[tuple[int, int]] = (),
) -> Guard:
    """Return the guard of a condition that no longer decides: it is ``holds`` from now on.

    It takes effect where the ``others`` that it is joined to by AND leave it to decide.
    """
    # On a line of its own the parenthesis isn't part of a comment that ends the condition.
    text = f"({source(body, part)}\n)"
    if holds == "false":
        probe = f"({text} and {FIRES})"
    else:
        left = " and ".join([f"({source(body, each)}\n)" for each in others] + [FIRES])
        probe = f"({text} is true or ({left}))"
    return guard_at(body, kind, *part, holds, f"{label} ", probe=probe)


def source(body: Body, part: tuple[int, int]) -> str:
    """Return the text of these tokens as it is written."""
    return body.data[body.tokens[part[0]].start : body.tokens[part[1] - 1].end].decode()
