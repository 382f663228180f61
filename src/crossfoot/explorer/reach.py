"""Which rows a statement of a PL/pgSQL function may touch, read from its text.

Only what the text shows for certain counts: ``column = variable`` in a WHERE, an inner join's ON, or the
values of an INSERT, and the rows that foreign keys lead to. A statement that may touch anything else,
through a function, a view, a policy or a trigger without steps, isn't described at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import postgast

from crossfoot.errors import ContentError
from crossfoot.explorer.callees import Callees
from crossfoot.explorer.query_text import as_query
from crossfoot.explorer.rows import Reach
from crossfoot.explorer.statement_rows import OpaqueError, rows_reached
from crossfoot.explorer.tables import Tables
from crossfoot.sql import tokens

if TYPE_CHECKING:
    from crossfoot.explorer.instrumented import Step

_LOOP = re.compile(r"^(<<.*>>\s*)?for\b", re.IGNORECASE)
_INTEGERS = 1 << 31
# The clock shows which of two rows came first. In text on one line nobody sees where a comment ends.
_TELLING = re.compile(
    r"--|/\*|\b(clock_timestamp|statement_timestamp|timeofday|uuidv7)\b", re.IGNORECASE
)


def reach_of(
    text: str,
    tables: Tables,
    callees: Callees,
    variables: Iterable[str],
    owner: int | None = None,
) -> Reach | None:
    """Return what a statement of a function with these variables may touch; None if nobody can tell.

    ``owner`` is whose rights the function has, if not its caller's.
    """
    try:
        words = tokens(text)
        if callees.hidden or callees.called(words) or _TELLING.search(text):
            return None
        query = as_query(text, words)
        return rows_reached(query, tables, frozenset(variables), owner) if query else None
    except (OpaqueError, ContentError, postgast.PgQueryError):
        return None


def told_apart(steps: Mapping[int, Step]) -> dict[int, Step]:
    """Return the steps of a database, none of which describes rows of a table that a loop reads.

    A loop over a query reads on while its body runs, and so in any step there.
    """
    loops = [step for step in steps.values() if _LOOP.search(step.text)]
    if any(step.reach is None for step in loops):
        return {number: replace(step, reach=None) for number, step in steps.items()}
    read = frozenset[int]().union(*(step.reach.tables for step in loops if step.reach))
    return {
        number: replace(step, reach=step.reach.anywhere_in(read)) if step.reach else step
        for number, step in steps.items()
    }


def values_given(values: Iterable[object]) -> frozenset[str]:
    """Return values of a race as steps tell them, where no other value could be told so by chance."""
    told = (
        value_told(f"$1::{'uuid' if isinstance(each, UUID) else 'text'}", [each]) for each in values
    )
    return frozenset(each for each in told if each is not None)


def value_told(expression: str, arguments: Sequence[object]) -> str | None:
    """Return what a client's statement with these arguments tells of its rows, as crossfoot.key does.

    None if it can't be told without a server.
    """
    if re.fullmatch(r"\d+", expression):
        return f"integer {expression}" if int(expression) < _INTEGERS else None
    number, _, kind = expression.partition("::")
    value = arguments[int(number[1:]) - 1]
    if kind == "uuid" and isinstance(value, UUID):
        return f'uuid "{value}"'
    if kind == "text" and isinstance(value, str) and re.fullmatch(r"[\w.-]*", value, re.ASCII):
        return f'text "{value}"'
    if kind in {"smallint", "integer", "bigint"} and type(value) is int:  # a bool isn't one here
        return f"{kind} {value}"
    return None
