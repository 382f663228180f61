"""What a run drew: numbers from sequences, and the time of day. Neither means anything by itself.

Which numbers were drawn is known from where the sequences stand after each run, and a time is told
as how far from the end of the run it lies. So an amount isn't taken for a number that was drawn, and a
month that was lost is still missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

import asyncpg

from crossfoot.explorer.seed_state import GENERATED, GENERATED_INT4

TIME = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?P<fraction>\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)?"
)
NUMBER = re.compile(r"(?<![\d.])\d{10}(?![\d.])")

_APART = {GENERATED: 10_000_000, GENERATED_INT4: 1_000_000}  # how seed_state.py spreads sequences
_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
_MINUTE = timedelta(minutes=1)
_SEQUENCES = """
select s.seqrelid::bigint as oid, s.seqcache = 1 as in_order,
       s.seqincrement > 0 and has_sequence_privilege(s.seqrelid, 'select, usage') as plain
from pg_sequence as s
join pg_class as c on c.oid = s.seqrelid
where c.relpersistence <> 't' and c.relnamespace::regnamespace::text <> 'crossfoot'
"""
_LOOK = "select clock_timestamp(), clock_timestamp()::timestamp, array[{}]::bigint[]"


@dataclass(frozen=True)
class Drawn:
    """What one run drew.

    ``numbers`` are the ranges in which the numbers lie. ``moment`` is the server's clock when the run
    was over, ``local`` the same without a time zone; None if nobody looked.
    """

    numbers: tuple[range, ...] = (GENERATED, GENERATED_INT4)
    moment: datetime | None = None
    local: datetime | None = None

    def drew(self, number: int) -> bool:
        """Say whether a sequence may have given this number."""
        return any(number in each for each in self.numbers)

    def told(self, time: re.Match[str]) -> str:
        """Return a time as how far from now it lies, to the minute: "~now", "~now + 30 d"."""
        if self.moment is None or self.local is None:
            return "~now" if time["fraction"] else time[0]
        try:
            at = datetime.fromisoformat(time[0])
            apart = at - (self.moment if at.tzinfo else self.local)
        except (ValueError, OverflowError):
            return time[0]
        # Half a minute of patience either way: a time was drawn while the run went on, before its end.
        minutes = (apart + _MINUTE / 2) // _MINUTE
        return f"~now{_in_words(minutes)}"


UNKNOWN = Drawn()


def _in_words(minutes: int) -> str:
    if not minutes:
        return ""
    left, words = abs(minutes) * _MINUTE, []
    for unit, name in _UNITS:
        count, left = divmod(left, unit)
        words += [f"{count} {name}"] if count else []
    return f" {'+' if minutes > 0 else '-'} {' '.join(words)}"


class _Sequences:
    """The sequences of one database, and how far they have come."""

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        self.in_order = [row["in_order"] for row in rows]
        self.plain = all(row["plain"] for row in rows)  # may be looked at, and goes up
        self.stood: list[int | None] = [None] * len(rows)
        last = ", ".join(f"pg_sequence_last_value({row['oid']})" for row in rows if self.plain)
        self.look = _LOOK.format(last)

    def moved(self, stand: Sequence[int | None]) -> Iterator[range]:
        """Yield what each gave since it stood where it did when this was asked last."""
        before, self.stood = self.stood, list(stand)
        for last, now, in_order in zip(before, stand, self.in_order, strict=True):
            if now is None or now == last:
                continue
            # Of a cache, a session gives later what was set aside for it earlier.
            first = _start(now) if last is None or not in_order else last + 1
            yield range(min(first, now), max(first, now) + 1)


class Draws:
    """Knows how far the sequences of each database have come."""

    def __init__(self) -> None:
        self._databases: WeakKeyDictionary[object, _Sequences] = WeakKeyDictionary()

    async def since_last(self, connection: asyncpg.Connection, database: object) -> Drawn:
        """Return what was drawn in a database since this was asked last, or since it was made."""
        if database not in self._databases:
            self._databases[database] = _Sequences(await connection.fetch(_SEQUENCES))
        sequences = self._databases[database]
        moment, local, stand = await connection.fetchrow(sequences.look)
        numbers = tuple(sequences.moved(stand)) if sequences.plain else UNKNOWN.numbers
        return Drawn(numbers, moment, local)


DRAWS = Draws()


def _start(number: int) -> int:
    """Return where the sequence that gave this number began."""
    for every, apart in _APART.items():
        if number in every:
            return number - (number - every.start) % apart
    return number
