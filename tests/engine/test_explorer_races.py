"""The race is found in each way to write it, and its safe twin passes exhaustively."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from explorer_ground import SPECIMENS, Ground, ground_of

from crossfoot.background import BackgroundServer
from crossfoot.explorer.race import Race
from crossfoot.verdicts import Verdict

SETUP = """
insert into wallet.account (id, balance) values (:account, {balance}), (:other, 100);
insert into wallet.coupon (id) values (:coupon);
insert into wallet.entry (account, amount) values (:account, 100);
insert into wallet.promise (account, amount) values (:account, 100);
insert into wallet.safe_promise (account, amount) values (:account, 100);
"""
VALUES = "account uuid, other uuid, coupon uuid, key text"

CALLS = {
    "found": "select wallet.{}(:coupon, :account);",
    "row_count": "select wallet.{}(:coupon, :account);",
    "exception": "select wallet.{}(:coupon);",  # an account that isn't there yet
    "loop": "select wallet.{}(:account);",
    "nested": "select wallet.{}(:account);",
    "trigger": "insert into wallet.{} (account, amount) values (:account, -10);",
    "deferred": "insert into wallet.{} (account, amount) values (:account, -60);",
    "sql": "select wallet.{}(:account);",
    "not_exists": "select wallet.{}(:account, :key);",
    "cursor": "select wallet.{}(:account);",
    "dynamic": "select wallet.{}(:account);",
    "condition": "select wallet.{}(:account);",
    "procedure": "call wallet.{}(:account);",
}
TABLES = {
    "racy_trigger": "movement",
    "safe_trigger": "safe_movement",
    "racy_deferred": "promise",
    "safe_deferred": "safe_promise",
}


@pytest.fixture(scope="module")
def wallets(server: BackgroundServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("wallets")
    with ground_of(server, SPECIMENS / "wallets" / "target.toml", folder) as ground:
        yield ground


def two_of(wallets: Ground, operation: str) -> Race:
    """Return two sessions that make the same call."""
    kind = operation.split("_", 1)[1]
    call = CALLS[kind].format(TABLES.get(operation, operation))
    balance = 10 if kind == "condition" else 100
    return wallets.race(
        *[f"-- @call {operation}\n{call}"] * 2,
        values=VALUES,
        setup=SETUP.format(balance=balance),
        name=operation,
    )


@pytest.mark.parametrize("kind", CALLS)
def test_a_race_is_found_at_once_and_seen_again_ten_times(wallets: Ground, kind: str) -> None:
    race = two_of(wallets, f"racy_{kind}")
    check = wallets.explore(race, first=True)
    assert check.verdict is Verdict.FAIL
    (finding,) = check.findings
    assert finding.violates == ["serial order"]
    assert finding.confirmed == (10, 10)
    assert check.exploration and check.exploration.stopped
    assert check.exploration.schedules <= 12


@pytest.mark.parametrize("kind", CALLS)
def test_its_safe_twin_passes_exhaustively(wallets: Ground, kind: str) -> None:
    check = wallets.explore(two_of(wallets, f"safe_{kind}"))
    assert (check.verdict, check.reason) == (Verdict.PASS, "")
    done = check.exploration
    assert done and done.complete and done.failing == 0 and done.left == 0
    assert done.coverage == f"{done.schedules} of {done.schedules} schedules"
    assert done.schedules > 1
