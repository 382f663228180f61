"""Orders that only swap strangers are left out. What is left shows every outcome that there is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from specimen import FORMS, SPECIMENS, Specimen, opened

from crossfoot.background import BackgroundServer
from crossfoot.explorer.outcomes import Masks, Shape
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import Trace

MANY = 400  # schedules
FEW_ENOUGH = [one for one in SPECIMENS if one.enumerable]
CASES = [
    pytest.param(one, form, id=f"{one.name}-{form}", marks=one.limits(f"orders {form}"))
    for one in FEW_ENOUGH
    for form in FORMS
]


def outcomes(traces: Sequence[Trace], race: Race) -> set[Shape]:
    """Return how schedules ended, but those in which PostgreSQL had to choose a victim."""
    masks, whole = Masks(race), [len(session.transactions) for session in race.sessions]
    return {masks.shape(trace, race, whole) for trace in traces if not trace.deadlocked}


def test_there_are_enough_specimens_to_compare() -> None:
    assert len(FEW_ENOUGH) >= 20


@pytest.mark.parametrize(("specimen", "form"), CASES)
def test_the_reduced_orders_show_what_all_orders_show(
    server: BackgroundServer, specimen: Specimen, form: str, tmp_path: Path
) -> None:
    with opened(server, specimen, form, tmp_path) as (ground, race):
        few = ground.every_trace(race)
        every = ground.every_trace(race, reduce=False)
    assert len(few) <= len(every) < MANY
    assert outcomes(few, race) == outcomes(every, race)
    assert any(t.deadlocked for t in few) == any(t.deadlocked for t in every)
