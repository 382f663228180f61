"""Apply a target's SQL to an empty database, with errors that name file and line."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.headers import read_text
from crossfoot.sql import Statement, statements
from crossfoot.target import Target

_FUNCTION = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:function|procedure)\s+([\w.\"]+)", re.IGNORECASE
)
_BODY = re.compile(r"\$(\w*)\$")

Sources = dict[str, tuple[str, int]]  # function -> (file, line on which its body begins)


async def apply_target(connection: asyncpg.Connection, target: Target) -> Sources:
    """Run the target's SQL files in their order; return where each function's body stands."""
    sources: Sources = {}
    for path in target.sql_files:
        sources |= await apply_file(connection, path, target.content.relative(path))
    return sources


async def apply_file(connection: asyncpg.Connection, path: Path, shown_as: str) -> Sources:
    """Run one SQL file, statement by statement. Raises ContentError naming file and line."""
    return await apply_text(connection, read_text(path), shown_as)


async def apply_text(connection: asyncpg.Connection, text: str, shown_as: str) -> Sources:
    """Run SQL text as :func:`apply_file` does."""
    sources: Sources = {}
    try:
        found = statements(text)
    except ContentError as error:
        raise ContentError(f"{shown_as}: {error.message}") from error
    for statement in found:
        await _apply_one(connection, statement, shown_as)
        sources |= _source(statement, shown_as)
    return sources


async def _apply_one(connection: asyncpg.Connection, statement: Statement, shown_as: str) -> None:
    try:
        await connection.execute(statement.text)
    except asyncpg.PostgresError as error:
        line = statement.line
        if position := getattr(error, "position", None):
            line += statement.text[: int(position) - 1].count("\n")
        hint = getattr(error, "hint", None) or getattr(error, "detail", None) or ""
        raise ContentError(f"{shown_as}:{line}: {error}".splitlines()[0], remedy=hint) from error


def _source(statement: Statement, shown_as: str) -> Sources:
    name = _FUNCTION.match(statement.text)
    body = _BODY.search(statement.text)
    if not name or not body:
        return {}
    line = statement.line + statement.text[: body.end()].count("\n")
    return {name[1].replace('"', ""): (shown_as, line)}
