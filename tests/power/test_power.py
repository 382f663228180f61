"""How much the explorer sees: each planted race is found, and its right twin passes all orders."""

from __future__ import annotations

from pathlib import Path

import pytest
from specimen import SPECIMENS, Specimen, each, opened

from crossfoot.background import BackgroundServer
from crossfoot.counterexample import remedies
from crossfoot.explorer import explore
from crossfoot.results import Check, Exploration
from crossfoot.verdicts import Verdict

# The classes of mistakes that show only when calls overlap.
CLASSES = {
    "app_read_modify_write",
    "check_before_lock",
    "check_then_act",
    "effect_before_claim",
    "exception_swallowed",
    "first_touch_race",
    "insert_where_not_exists",
    "lock_split_across_calls",
    "lock_never_released",
    "lock_timeout_as_refusal",
    "locks_in_caller_order",
    "raw_unique_violation",
    "read_modify_write",
    "skip_locked_spend",
    "stale_balance_in_entry",
    "status_acted_on_twice",
    "unique_missing_on_key",
}
BUDGET = 3000  # schedules: none needs as many


@pytest.fixture(autouse=True)
def _few_at_other_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would prevent the races isn't the matter here, and takes longest."""
    monkeypatch.setattr(explore, "_AT_OTHER_LEVELS", 20)
    monkeypatch.setattr(remedies, "MOST", 5)


def test_every_class_of_mistake_is_found_in_some_specimen() -> None:
    found = [one for one in SPECIMENS if not one.limits("racy")]
    assert {one.kind for one in found} == CLASSES
    assert len(found) >= 40


def explored(server: BackgroundServer, specimen: Specimen, form: str, folder: Path) -> Check:
    """Explore a form to the end."""
    with opened(server, specimen, form, folder) as (ground, race):
        return ground.explore(race, schedules=BUDGET)


def complete(check: Check) -> Exploration:
    """Return what was explored, which must be everything."""
    assert check.exploration, check.reason
    assert check.exploration.complete, check.exploration.coverage
    assert check.exploration.schedules > 1
    return check.exploration


@pytest.mark.parametrize("specimen", each("racy"))
def test_a_planted_race_is_found_and_seen_again(
    server: BackgroundServer, specimen: Specimen, tmp_path: Path
) -> None:
    check = explored(server, specimen, "racy", tmp_path)
    assert (check.verdict, check.reason) == (Verdict.FAIL, "")
    done = complete(check)
    (finding,) = check.findings
    assert sorted(finding.violates) == specimen.violates
    assert finding.anomaly == specimen.anomaly
    assert finding.confirmed == (10, 10)
    assert 0 < done.failing < done.schedules


@pytest.mark.parametrize("specimen", each("safe"))
def test_its_right_twin_passes_in_every_order(
    server: BackgroundServer, specimen: Specimen, tmp_path: Path
) -> None:
    check = explored(server, specimen, "safe", tmp_path)
    assert [finding.summary for finding in check.findings] == []
    assert (check.verdict, check.reason) == (Verdict.PASS, "")
    assert complete(check).failing == 0
