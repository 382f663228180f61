"""What a run drew by itself is known from the clock and the sequences, and from nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import pytest
from test_outcomes import ended, race, shape

from crossfoot.background import BackgroundServer
from crossfoot.explorer.drawn import TIME, UNKNOWN, Drawn, Draws
from crossfoot.explorer.outcomes import Masks
from crossfoot.explorer.seed_state import GENERATED

NOON = Drawn((), datetime(2026, 11, 21, 12, tzinfo=UTC), datetime(2026, 11, 21, 13))


def told(text: str, drawn: Drawn = NOON) -> str:
    return TIME.sub(drawn.told, text)


@pytest.mark.parametrize(
    ("time", "said"),
    [
        ("2026-11-21T12:00:00+00:00", "~now"),
        ("2026-11-21T11:59:31.5Z", "~now"),  # drawn when the run began, half a minute ago
        ("2026-11-21 13:29:59.9+01:30", "~now"),
        ("2026-11-21T13:00:00", "~now"),  # without a time zone
        ("2026-11-21T12:00:59.9+00", "~now + 1 min"),
        ("2026-12-21T11:59:59.123456+00:00", "~now + 30 d"),
        ("2026-11-20T10:30:00+00:00", "~now - 1 d 1 h 30 min"),
        ("from 2026-11-21T12:05:00Z to 2026-11-21T12:10:00Z", "from ~now + 5 min to ~now + 10 min"),
        ("2026-02-30T12:00:00+00:00", "2026-02-30T12:00:00+00:00"),
    ],
)
def test_a_time_is_told_by_how_far_from_the_end_of_the_run_it_lies(time: str, said: str) -> None:
    assert told(time) == said


def test_without_a_clock_a_time_with_fractions_is_taken_for_one_that_was_drawn() -> None:
    assert told("2020-01-01T12:00:00.5Z", UNKNOWN) == "~now"
    assert told("2020-01-01T12:00:00Z", UNKNOWN) == "2020-01-01T12:00:00Z"


def test_a_time_that_equal_runs_share_stays_as_it_is() -> None:
    old, new = "2025-01-01T00:00:00.5+00:00", "2026-11-21T11:59:{}.25+00:00"
    one, two = (ended(("t", {"made": old, "used": new.format(second)})) for second in (57, 58))
    one.drawn = two.drawn = NOON
    masks = Masks(race())
    assert masks.learn(one, two, race())
    assert (masks.fixed, masks.volatile) == ({old}, set())
    made, used = (value for _, value in shape(one, masks).place("t")[0])
    assert (made, used) == (old, "~now")
    assert masks.joined(Masks(race())).version == Masks(race()).joined(masks).version == (0, 1)


def test_only_numbers_that_the_run_drew_are_generated() -> None:
    drawn = Drawn((range(GENERATED.start, GENERATED.start + 2),))
    runs = [ended(("t", {"n": GENERATED.start + n})) for n in range(3)]
    for run in runs:
        run.drawn = drawn
    first, second, third = map(shape, runs)
    assert first == second != third


async def _draws(connection: asyncpg.Connection, draws: Draws) -> tuple[range, ...]:
    return draws.since_last(await connection.fetchval(f"select {draws.look}")).numbers


def test_what_sequences_gave_is_read_from_where_they_stand(server: BackgroundServer) -> None:
    async def numbers() -> list[tuple[range, ...]]:
        name = await server.server.create_database("drawn")
        connection = await server.server.connect(name)
        try:
            await connection.execute(
                "create sequence a start 5000000000; create sequence b as integer start 1501000000;"
                "create sequence c start 5020000000 cache 10;"
                "create schema crossfoot; create sequence crossfoot.e; select nextval('crossfoot.e')"
            )
            draws, found = await Draws.of(connection), []
            for drawing in (
                "select",
                "select nextval('a'), nextval('a'), nextval('b'), nextval('c')",
                "select nextval('a') from generate_series(1, 3)",
                "select",
                "select nextval('c') from generate_series(1, 10)",
                "select setval('a', 5000000003)",
                "select setval('a', 7)",
            ):
                await connection.execute(drawing)
                found.append(await _draws(connection, draws))
            await connection.execute("create sequence public.d increment -1")
            return [*found, await _draws(connection, await Draws.of(connection))]
        finally:
            await connection.close()
            await server.server.drop_database(name)

    a, b, c = 5_000_000_000, 1_501_000_000, 5_020_000_000
    assert server.run(numbers()) == [
        (),
        (range(a, a + 2), range(b, b + 1), range(c, c + 10)),
        (range(a + 2, a + 5),),
        (),
        (range(c, c + 20),),
        (range(a + 3, a + 6),),
        (range(7, a + 5),),
        UNKNOWN.numbers,  # one that goes down
    ]
