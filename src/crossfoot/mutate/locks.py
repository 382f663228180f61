"""Row locks, and the order in which rows are locked."""

from __future__ import annotations

from collections.abc import Iterator

from crossfoot.mutate.guard import Guard, guard_at, source
from crossfoot.mutate.scan import CLAUSES, Body

_TURN = "coalesce(pg_catalog.current_setting('crossfoot.slot', true), '2')::integer % 2 = 1"
_SORTS, _BEGINS = "crossfoot_probe.sorts()", "crossfoot_probe.begins()"
_STRENGTHS = (("update",), ("no", "key", "update"), ("share",), ("key", "share"))


def locks(body: Body) -> Iterator[Guard]:
    """Yield locking clauses, their NOWAIT or SKIP LOCKED alone, and the orders of what is locked."""
    for at in range(len(body.tokens)):
        end = _lock_clause(body, at)
        if end:
            yield guard_at(body, "row lock", at, end, "")
            yield from _patience(body, at, end)
            yield from _lock_order(body, at)
        elif _orders_a_loop_or_an_insert(body, at):
            yield _order(body, at)


def _lock_clause(body: Body, at: int) -> int:
    """Return where a locking clause that begins at a token ends; 0 if none does."""
    if body.word(at) != "for" or body.word(at + 1) == "each":
        return 0
    for strength in _STRENGTHS:
        end = at + 1 + len(strength)
        if tuple(body.word(each) for each in range(at + 1, end)) == strength:
            break
    else:
        return 0
    if body.word(end) in {"in", "."}:
        return 0  # a loop whose variable is called so
    if body.word(end) == "of":
        while body.word(end) in {"of", ","}:
            end += 2
            while body.word(end) == ".":
                end += 2
    if body.word(end) == "nowait":
        end += 1
    elif body.word(end) == "skip":
        end += 2
    return end


def _patience(body: Body, at: int, end: int) -> Iterator[Guard]:
    if body.word(end - 1) == "nowait":
        yield guard_at(body, "nowait", end - 1, end, "")
    elif body.word(end - 1) == "locked":
        yield guard_at(body, "skip locked", end - 2, end, "")


def _lock_order(body: Body, lock: int) -> Iterator[Guard]:
    """Yield the ORDER BY of the select that a locking clause belongs to."""
    depth = 0
    for at in range(lock - 1, -1, -1):
        word = body.word(at)
        depth += (word in {")", "]"}) - (word in {"(", "["})
        if depth < 0 or (depth == 0 and word in {";", "select"}):
            return
        if depth == 0 and word == "order" and body.word(at + 1) == "by":
            yield _order(body, at)
            return


def _order(body: Body, at: int) -> Guard:
    """Return the guard of an ORDER BY.

    Without one, rows come in any order: so that it shows, they come from the other end, but for
    every other session of a race. A select with DISTINCT takes no such order and loses its own.
    """
    end = body.until(at + 1, CLAUSES.__contains__)
    key = (at + 2, body.until(at + 2, {",", *CLAUSES}.__contains__))
    words = [body.word(each) for each in range(*key)]
    backwards = "desc" in words
    plain = [word for word in words if word in {"asc", "desc", "nulls", "using"}]
    without = ""
    if plain in ([], ["asc"], ["desc"]) and len(words) > 1 and not _is_distinct(body, at):
        text = source(body, (key[0], key[1] - len(plain)))
        first, second = ("desc", "") if backwards else ("", " desc")
        rest = source(body, (key[1], end)) if end > key[1] else ""
        without = f"order by case when {_TURN} then {text} end {first}, {text}{second}{rest}"
    probe = f"{source(body, (at, end))}\nlimit 1"
    if not _is_distinct(body, at):
        # OFFSET is worked out before the first row is sorted, and sorts() raises at the second.
        probe = f"{source(body, (at, end))}\n, {_SORTS} offset {_BEGINS}"
    if body.word(end) in {"limit", "fetch", "offset"}:
        probe = ""
    return guard_at(body, "order of locks", at, end, without, probe=probe)


def _is_distinct(body: Body, at: int) -> bool:
    depth = 0
    for before in range(at - 1, -1, -1):
        word = body.word(before)
        depth += (word in {")", "]"}) - (word in {"(", "["})
        if depth < 0 or (depth == 0 and word in {"select", ";"}):
            return body.word(before + 1) == "distinct"
    return False


def _orders_a_loop_or_an_insert(body: Body, at: int) -> bool:
    """Say whether an ORDER BY sorts what a loop goes through, or what an INSERT inserts."""
    if body.word(at) != "order" or body.word(at + 1) != "by":
        return False
    depth = 0
    for before in range(at - 1, -1, -1):
        word = body.word(before)
        depth += (word in {")", "]"}) - (word in {"(", "["})
        if depth < 0 or word == ";":
            return False
        if depth == 0 and word == "insert":
            return True
        if depth == 0 and word == "for" and body.begins_statement(before):
            end = body.until(at, lambda each: each in {"loop", ";"})
            locks = any(_lock_clause(body, each) for each in range(at, end))
            return body.word(end) == "loop" and not locks
    return False
