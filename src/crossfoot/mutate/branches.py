"""The guards that only PL/pgSQL has: branches, row counts, calls that check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from crossfoot.mutate.guard import FIRES, Guard, condition, guard_at
from crossfoot.mutate.scan import Body

_LEAVES = {"raise", "return", "exit", "continue"}
_STAYS = {"next", "query", "notice", "warning", "info", "debug", "log"}


def branches(body: Body) -> Iterator[Guard]:
    """Yield the conditions of IF and ELSIF.

    One whose branch leaves (raises, returns) never holds any more, nor does a part of it; any other
    always does.
    """
    for at in range(len(body.tokens)):
        word = body.word(at)
        opens = word == "if" and body.begins_statement(at)
        if not opens and word not in {"elsif", "elseif"}:
            continue
        then = body.until(at + 1, "then".__eq__)
        if _leaves(body, then + 1):
            for part in body.split(at + 1, then, "or"):
                yield condition(body, "branch", word, part, "false")
        else:
            parts = body.split(at + 1, then, "and")
            for part in parts:
                others = [each for each in parts if each != part]
                yield condition(body, "branch", word, part, "true", others)


def _leaves(body: Body, start: int) -> bool:
    """Say whether a branch raises, returns, or leaves a round of a loop, whatever else is true."""
    nested = 0
    for at in range(start, len(body.tokens)):
        word, after = body.word(at), body.word(at + 1)
        if word in {"if", "case"} and body.begins_statement(at):
            nested += 1
        elif word == "end" and after in {"if", "case"} and body.word(at + 2) == ";":
            nested -= 1
        elif nested == 0 and word in {"elsif", "elseif", "else"} and body.word(at - 1) == ";":
            return False  # a CASE expression's ELSE follows no semicolon
        elif nested == 0 and word in _LEAVES and body.begins_statement(at) and after not in _STAYS:
            return True
        if nested < 0:
            return False
    return False


def leaving_when(body: Body) -> Iterator[Guard]:
    """Yield the conditions of EXIT WHEN and CONTINUE WHEN."""
    for at in range(len(body.tokens)):
        if body.word(at) not in {"exit", "continue"} or not body.begins_statement(at):
            continue
        when = at + 1 if body.word(at + 1) == "when" else at + 2
        if body.word(when) == "when":
            end = body.until(when + 1, ";".__eq__)
            for part in body.split(when + 1, end, "or"):
                yield condition(body, "branch", f"{body.word(at)} when", part, "false")


def stricts(body: Body) -> Iterator[Guard]:
    """Yield the STRICT of INTO."""
    for at in range(len(body.tokens)):
        if body.word(at) == "strict" and body.word(at - 1) == "into":
            guard = guard_at(body, "row count", at, at + 1, "", asserts=True)
            yield replace(guard, name=body.text(at - 1, at + 2))


def performs(body: Body, raising: Callable[[str], bool]) -> Iterator[Guard]:
    """Yield PERFORM and LOCK statements, which check or lock, or do all the work there is."""
    for at in range(len(body.tokens)):
        if body.word(at) not in {"perform", "lock"} or not body.begins_statement(at):
            continue
        end = body.until(at + 1, ";".__eq__)
        called = [
            body.word(each).strip('"') for each in range(at + 1, end) if body.word(each + 1) == "("
        ]
        text = body.data[body.tokens[at].start : body.tokens[end - 1].end].decode()
        probe = (
            f"begin {text}\n; exception when others then perform {FIRES}; end"
            if any(raising(name) for name in called)
            else ""
        )
        yield guard_at(body, body.word(at), at, end, "null", probe=probe)
