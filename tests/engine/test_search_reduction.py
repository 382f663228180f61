"""Of orders that only swap strangers one runs, and none is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st
from puppets import NO_RACE, ORDER, Puppets, merges

from crossfoot.explorer.arena import Arena
from crossfoot.explorer.footprint import Footprint
from crossfoot.explorer.search import Search
from crossfoot.explorer.serial import orders
from crossfoot.explorer.trace import Trace

some_tables = st.frozensets(st.integers(1, 3), max_size=2)
some_steps = st.lists(
    st.builds(Footprint, some_tables, some_tables, st.sampled_from([False] * 9 + [True])),
    min_size=1,
    max_size=4,
)


def order_class(order: ORDER, footprints: Sequence[Sequence[Footprint]]) -> frozenset[object]:
    """Return which steps that meet come before which: the same for orders that swap strangers."""
    names = [(session, order[:at].count(session)) for at, session in enumerate(order)]
    return frozenset(
        (one, other)
        for at, one in enumerate(names)
        for other in names[at + 1 :]
        if footprints[one[0]][one[1]].meets(footprints[other[0]][other[1]])
    )


@given(
    st.lists(some_steps, min_size=2, max_size=3).filter(lambda s: merges(list(map(len, s))) < 300)
)
@settings(deadline=None)
def test_of_orders_that_only_swap_strangers_one_runs_and_is_seen(
    footprints: list[list[Footprint]],
) -> None:
    sessions = [[len(each)] for each in footprints]
    puppets = Puppets(sessions, footprints=footprints)
    judged: list[ORDER] = []

    async def seen(trace: Trace, arena: Arena) -> None:
        judged.append(puppets.orders[-1])

    found = Search(10_000)
    asyncio.run(found.run(NO_RACE, cast(Sequence[Arena], [puppets]), seen))
    every = {order_class(each, footprints) for each in orders([len(s) for s in footprints])}
    assert {order_class(each, footprints) for each in judged} == every
    assert found.complete and found.ran == found.equal + len(judged)
    if len(footprints) == 2:
        assert len(judged) == len(every)
