"""The guards in a function's body, found by PostgreSQL's own tokens, never by its raw text.

A guard is whatever keeps a call from going wrong: a lock, an order of locks, a condition, a check of
how many rows were hit. Comments, strings and dynamic SQL hold none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from crossfoot.mutate.branches import branches, leaving_when, performs, stricts
from crossfoot.mutate.guard import Guard, condition, guard_at
from crossfoot.mutate.locks import locks
from crossfoot.mutate.scan import CLAUSES, Body


def find_guards(body: Body, raising: Callable[[str], bool] = lambda name: True) -> list[Guard]:
    """Return the guards of a body, in the order in which they stand there.

    ``raising`` says of a called function whether it may raise an error, so that leaving the call
    out leaves a check out.
    """
    if body.language not in {"plpgsql", "sql"}:
        return []
    found = [*locks(body), *_conflicts(body), *_wheres(body), *_cases(body)]
    if body.language == "plpgsql":
        found += [
            *branches(body),
            *leaving_when(body),
            *stricts(body),
            *performs(body, raising),
        ]
    return sorted(found, key=lambda guard: (guard.start, guard.end))


def _conflicts(body: Body) -> Iterator[Guard]:
    caught = {"unique_violation", "integrity_constraint_violation", "others"}
    handled = any(token.word in caught for token in body.tokens)
    for at in range(len(body.tokens)):
        if body.word(at) == "on" and body.word(at + 1) == "conflict":
            end = body.until(at + 1, {"returning", "into", ";"}.__contains__)
            # Without it a conflict is an error, unless somebody catches that: then nothing tells.
            yield guard_at(body, "on conflict", at, end, "", loud=not handled)


def _wheres(body: Body) -> Iterator[Guard]:
    for at in range(len(body.tokens)):
        if body.word(at) != "where" or body.word(at + 1) == "current":
            continue
        end = body.until(at + 1, CLAUSES.__contains__)
        whole = len(body.split(at + 1, end, "or")) > 1
        parts = [(at + 1, end)] if whole else body.split(at + 1, end, "and")
        for part in parts:
            others = [each for each in parts if each != part]
            yield condition(body, "where", "where", part, "true", others)


def _cases(body: Body) -> Iterator[Guard]:
    """Yield the WHENs of CASE expressions; a value to compare with becomes null, which is equal to none."""
    for at in range(len(body.tokens)):
        if body.word(at) != "case" or body.word(at - 1) == "end":
            continue
        searched = body.word(at + 1) == "when"
        when = body.until(at + 1, "when".__eq__)
        while body.word(when) == "when":
            then = body.until(when + 1, "then".__eq__)
            if searched:
                for part in body.split(when + 1, then, "or"):
                    yield condition(body, "case", "when", part, "false")
            else:
                yield guard_at(body, "case", when + 1, then, "null", "when ")
            when = body.until(then + 1, lambda word: word in {"when", "else", "end"})
