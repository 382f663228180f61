"""What is looked at while calls are made: who waits for a lock, and whether the books still agree.

``samples.ndjson`` in a run's folder has a line per look. Its times are of the same kind of clock as
those of the histories; reports/HISTORY.md says which. The first line names the clock.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import IO

import asyncpg
import msgspec

from crossfoot.driver import FAILURES
from crossfoot.errors import ContentError, ServerError
from crossfoot.figures.bindings import AUDITED
from crossfoot.history.record import PLAIN_CLOCK, this_clock
from crossfoot.results import Check
from crossfoot.verdicts import Verdict

NAME = "samples.ndjson"
FORMAT = 1
EVERY = 0.25  # seconds between two looks at the locks

# A session that waits for a lock says so itself; asking who blocks whom would take locks too.
_WAITING = """
select
    regexp_replace(query, '\\s+', ' ', 'g') as query,
    wait_event as event,
    count(*)::integer as sessions,
    coalesce(max(extract(epoch from clock_timestamp() - query_start)), 0)::float8 as longest
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and wait_event_type = 'Lock'
group by 1, 2
order by sessions desc, query
"""


class SamplesHead(msgspec.Struct, frozen=True):
    """The first line: whose clock ``at`` is read from."""

    crossfoot_samples: int
    machine: str
    clock: str = PLAIN_CLOCK


class LockWaits(msgspec.Struct, frozen=True, tag="locks", tag_field="kind", omit_defaults=True):
    """One look at the locks: how many ``sessions`` run this query and wait for a lock.

    ``event`` is PostgreSQL's name for what they wait for (``transactionid``, ``tuple``, ...),
    ``longest`` the seconds since the oldest of these calls was sent.
    """

    query: str
    event: str
    sessions: int
    longest: float


class Look(msgspec.Struct, frozen=True, tag="look", tag_field="kind", omit_defaults=True):
    """Who waited at one moment. ``at`` is nanoseconds; nobody waited if ``waits`` is empty."""

    at: int
    waits: list[LockWaits] = []


class Audited(msgspec.Struct, frozen=True, tag="audit", tag_field="kind", omit_defaults=True):
    """One round of a target's audits. ``drift`` counts accounts whose balance isn't their entries' sum.

    ``at`` is when it began, ``seconds`` how long it took, ``failed`` which audits were violated.
    """

    at: int
    target: str
    seconds: float
    drift: int = 0
    failed: list[str] = []


Sample = Look | Audited
Connect = Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]


class Samples:
    """Writes the samples of a run into its folder. A context, so that the file is whole afterwards."""

    def __init__(self, folder: Path) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._file: IO[bytes] = (folder / NAME).open("wb", buffering=0)
        self._write(SamplesHead(FORMAT, socket.gethostname(), this_clock()))

    def audited(self, target: str, checks: Sequence[Check], began: int) -> None:
        """Note what the audits of a target said. ``began`` is time.monotonic_ns() of their start."""
        failed = [check for check in checks if check.verdict is Verdict.FAIL]
        seconds = round((time.monotonic_ns() - began) / 1e9, 6)
        self._write(
            Audited(began, target, seconds, drift_of(failed), [check.name for check in failed])
        )

    async def watch_locks(self, connect: Connect, every: float = EVERY) -> None:
        """Look at the locks again and again, until cancelled or the connection is lost."""
        with suppress(*FAILURES, ServerError):
            async with connect() as connection:
                statement = await connection.prepare(_WAITING)
                while True:
                    at = time.monotonic_ns()
                    rows = await statement.fetch()
                    self._write(Look(at, [LockWaits(**dict(row)) for row in rows]))
                    await asyncio.sleep(every)

    def close(self) -> None:
        """End it. Again does nothing."""
        self._file.close()

    def _write(self, line: SamplesHead | Sample) -> None:
        if not self._file.closed:
            self._file.write(self._encode(line) + b"\n")

    def __enter__(self) -> Samples:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def drift_of(failed: Sequence[Check]) -> int:
    """Return how many accounts these violated audits found whose balance isn't their entries' sum."""
    return sum(
        finding.total_rows or 1
        for check in failed
        if check.name == AUDITED["drift_accounts"]
        for finding in check.findings
    )


def read_samples(folder: Path) -> tuple[SamplesHead | None, list[Sample]]:
    """Return the samples of a run; none of a run that has no such file.

    A last line without its end, of a writer that was killed, is left out. Raises ContentError.
    """
    path = folder / NAME
    if not path.is_file():
        return None, []
    first, *lines = path.read_bytes().split(b"\n")
    decode = msgspec.json.Decoder(Sample).decode
    try:
        head = msgspec.json.decode(first, type=SamplesHead)
        # What stands behind the last line's end is nothing, or half a line.
        return head, [decode(line) for line in lines[:-1]]
    except msgspec.DecodeError as error:
        raise ContentError(f"{path}: not the samples of a run: {error}") from error
