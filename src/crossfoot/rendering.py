"""Values as text, the same text everywhere: in outcomes, reports and contracts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from asyncpg import Record


def render(value: Any) -> str | None:  # noqa: PLR0911 (one line per kind of value)
    """Return a value from the database as text; None for null, ``true``/``false``, ISO times."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, Record):
        return "(" + ",".join(render(part) or "" for part in value.values()) + ")"
    if isinstance(value, list | tuple):
        return (
            "{" + ",".join("null" if part is None else render(part) or "" for part in value) + "}"
        )
    return str(value)


def render_row(row: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a row with its values as text."""
    return {name: render(value) for name, value in row.items()}
