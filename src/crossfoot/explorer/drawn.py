"""What a run drew: numbers from sequences, and the time of day. Neither means anything by itself.

Which numbers were drawn is known from where the sequences stand after each run, and a time is told
as how far from the end of the run it lies. So an amount isn't taken for a number that was drawn, and a
month that was lost is still missed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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
_LOOK = (
    "jsonb_build_array(clock_timestamp(), clock_timestamp()::timestamp, array[{}]::bigint[])::text"
)


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


class Draws:
    """The sequences of one database, and how far they have come.

    ``look`` is the SQL expression that looks at them and at the clock.
    """

    def __init__(self, rows: Sequence[asyncpg.Record]) -> None:
        self._in_order = [row["in_order"] for row in rows]
        self._plain = all(row["plain"] for row in rows)  # may be looked at, and goes up
        self._stood: list[int | None] = [None] * len(rows)
        last = ", ".join(f"pg_sequence_last_value({row['oid']})" for row in rows if self._plain)
        self.look = _LOOK.format(last)

    @classmethod
    async def of(cls, connection: asyncpg.Connection) -> Draws:
        """Return the sequences of a database, from which nothing has been drawn so far."""
        return cls(await connection.fetch(_SEQUENCES))

    def since_last(self, seen: str) -> Drawn:
        """Return what was drawn since the last look, or since the database was made.

        ``seen`` is what a look saw.
        """
        moment, local, stand = json.loads(seen)
        numbers = tuple(self._moved(stand)) if self._plain else UNKNOWN.numbers
        return Drawn(numbers, datetime.fromisoformat(moment), datetime.fromisoformat(local))

    def _moved(self, stand: Sequence[int | None]) -> Iterator[range]:
        """Yield what each gave since it stood where it did at the last look."""
        before, self._stood = self._stood, list(stand)
        for last, now, in_order in zip(before, stand, self._in_order, strict=True):
            if now is None or now == last:
                continue
            # Of a cache, a session gives later what was set aside for it earlier.
            first = _start(now) if last is None or not in_order else last + 1
            yield range(min(first, now), max(first, now) + 1)


def _start(number: int) -> int:
    """Return where the sequence that gave this number began."""
    for every, apart in _APART.items():
        if number in every:
            return number - (number - every.start) % apart
    return number
