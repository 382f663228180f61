"""What a load concludes from its histories: the model is asked too, but not for minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossfoot.history.ledger import NAME, read_ledger
from crossfoot.history.models import FOLLOW_THE_MODEL
from crossfoot.history.reading import open_history
from crossfoot.load.findings import judge_calls
from crossfoot.results import Check
from crossfoot.target import find_targets
from crossfoot.verdicts import Verdict

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(Path(__file__).parents[2]))
    from bench.history import write_honest


def judged(folder: Path, calls: int, accounts: int) -> dict[str, Check]:
    """Return the checks of an honest history, of whose calls a tenth go to one account."""
    write_honest(folder, calls, accounts)
    (target,) = find_targets(["credit_purchase"])
    ledger = read_ledger(folder / NAME, target.name)
    return {check.name: check for check in judge_calls(open_history([folder]), target, ledger)}


def test_the_model_is_asked_about_all_accounts_but_the_busy_one(tmp_path: Path) -> None:
    checks = judged(tmp_path, 3500, 50)
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}
    asked = checks[FOLLOW_THE_MODEL].population
    assert (asked["accounts"], asked["busier accounts, not asked about"]) == ("49", "1")


def test_where_all_accounts_are_busy_the_ledger_alone_is_asked(tmp_path: Path) -> None:
    checks = judged(tmp_path, 1000, 2)
    assert FOLLOW_THE_MODEL not in checks
    assert len(checks) == 4
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}
