"""Values in words: drawn ones by their names, generated ones by small numbers, outcomes as one line."""

from __future__ import annotations

import re

from crossfoot.explorer.race import Race
from crossfoot.explorer.seed_state import GENERATED, GENERATED_INT4
from crossfoot.explorer.trace import CallResult

_SHOWN = 160
_NUMBER = re.compile(r"(?<![\d.])\d{10}(?![\d.])")


def readable(text: str, race: Race) -> str:
    """Put names in the place of drawn values, and #n in the place of numbers drawn from a sequence."""
    for name, value in race.values.items():
        text = text.replace(str(value), f":{name}")
    return _NUMBER.sub(_small, text)


def _small(match: re.Match[str]) -> str:
    number = int(match[0])
    if number in GENERATED:
        return f"#{number % 10_000_000}"
    return f"#{number % 1_000_000}" if number in GENERATED_INT4 else match[0]


def ending(result: CallResult) -> str:
    """Return how a call ended, e.g. ``ok: success = true`` or ``refused: P0001 Insufficient``."""
    if result.sqlstate:
        return shorten(f"{result.outcome}: {result.sqlstate} {result.message}")
    if not result.rows:
        return f"{result.outcome}: no row"
    cells = ", ".join(
        f"{name} = {cell(value)}"
        for name, value in zip(result.columns, result.rows[0], strict=True)
    )
    more = f" (and {len(result.rows) - 1} more rows)" if len(result.rows) > 1 else ""
    return shorten(f"{result.outcome}: {cells}{more}")


def cell(value: str | None) -> str:
    """Return a value of a row as text."""
    return "null" if value is None else value


def shorten(text: str, most: int = _SHOWN) -> str:
    """Cut a text to what fits into a lane."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
