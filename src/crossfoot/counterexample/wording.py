"""Values in words: drawn ones by their names, generated ones by small numbers, outcomes as one line."""

from __future__ import annotations

from crossfoot.explorer.drawn import NUMBER, Drawn
from crossfoot.explorer.race import Race
from crossfoot.explorer.seed_state import GENERATED
from crossfoot.explorer.trace import CallResult

_SHOWN = 160
NOTHING_DRAWN = Drawn(numbers=())


def readable(text: str, race: Race, drawn: Drawn) -> str:
    """Put names in the place of the race's values, and #n in that of numbers drawn from a sequence.

    ``drawn`` is what the run drew that the text speaks of: any other number is an amount.
    """
    for name, value in race.values.items():
        text = text.replace(str(value), f":{name}")
    return NUMBER.sub(lambda number: _small(number[0], drawn), text)


def _small(number: str, drawn: Drawn) -> str:
    if not drawn.drew(int(number)):
        return number
    return f"#{int(number) % (10_000_000 if int(number) in GENERATED else 1_000_000)}"


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
