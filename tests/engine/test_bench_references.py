"""What the bench says of reference functions: ratios to what was measured in the same round."""

from __future__ import annotations

from pathlib import Path

import pytest

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(Path(__file__).parents[2]))
    from bench.reference_calls import SYSTEMS, System
    from bench.references import Round, Row


def test_a_ratio_is_to_the_yardstick_of_the_same_round() -> None:
    rounds = [Round(100, 90, [200, 30]), Round(10, 9, [10, 9]), Round(50, 20, [100, 10])]
    row = Row("gift", "redeem", True, rounds)
    assert row.hot == "50 | 50%"
    assert row.spread == "20 | 200%"


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.target)
def test_every_system_says_by_which_of_its_calls_credits_are_spent(system: System) -> None:
    assert system.spend in system.calls
