"""A burst of application code begins when all are there, however long that takes."""

from __future__ import annotations

import asyncio
import itertools
import time
from pathlib import Path

import asyncpg
import pytest
from burst_ground import card_database, gift_target

from crossfoot.background import BackgroundServer
from crossfoot.bursts import programs
from crossfoot.bursts.programs import Program, play


def test_callers_who_come_one_by_one_are_waited_for_as_long_as_more_come(
    server: BackgroundServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_GATHERING", 1.0)
    numbers, came = itertools.count(), list[int]()

    async def late(connection: asyncpg.Connection) -> None:
        await asyncio.sleep(0.4 * next(numbers))
        came.append(time.monotonic_ns())
        await connection.execute("select from gift.card")

    async def work() -> int:
        async with card_database(server, gift_target(tmp_path)) as name:
            control, *callers = [await server.server.connect(name) for _ in range(5)]
            try:
                calls, _ = await play(Program("late", late), control, callers, ["gift"], 60)
                return min(call.start for call in calls)
            finally:
                await asyncio.gather(*(each.close() for each in (control, *callers)))

    assert server.run(work()) > max(came)
    assert len(came) == 4
