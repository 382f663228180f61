"""Histories of every system: the reference passes, its broken variants contradict themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from history_sessions import Session, checked, recorded
from system_sessions import KINDS, Bookings, Generations, Payments, Sales

from crossfoot.background import BackgroundServer
from crossfoot.verdicts import Verdict


@pytest.mark.parametrize("kind", KINDS, ids=[kind.system for kind in KINDS])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_history_of_the_reference_passes_every_check(
    server: BackgroundServer, kind: type[Session], seed: int, tmp_path: Path
) -> None:
    recorded(server, kind, tmp_path, seed=seed)
    checks = checked(tmp_path, kind.system)
    said = {name: (check.verdict, check.reason, check.findings) for name, check in checks.items()}
    assert {check.verdict for check in checks.values()} == {Verdict.PASS}, said
    asked = checks["answers_follow_the_model"].population
    assert int(asked["calls"]) > 100
    assert asked["accounts"] == "3"


@pytest.mark.parametrize(
    ("kind", "variant", "rule"),
    [
        (Sales, "refund_not_idempotent", "calls_left_what_they_said"),
        (Sales, "grant_not_idempotent", "entries_were_asked_for"),
        (Sales, "no_ledger_entry", "calls_left_what_they_said"),
        (Generations, "retry_charges_again", "calls_left_what_they_said"),
        (Generations, "unguarded_debit", "balances_follow_from_entries"),
        (Bookings, "no_ledger_entry", "calls_left_what_they_said"),
        (Bookings, "replay_says_todays_balance", "answers_follow_the_model"),
        (Payments, "claim_is_only_a_look", "answers_follow_the_model"),
        (Payments, "waiting_caller_gets_the_key", "answers_follow_the_model"),
        (Payments, "wallet_not_idempotent", "calls_left_what_they_said"),
    ],
)
def test_a_history_of_a_broken_variant_contradicts_itself(
    server: BackgroundServer, kind: type[Session], variant: str, rule: str, tmp_path: Path
) -> None:
    recorded(server, kind, tmp_path, variant=variant)
    check = checked(tmp_path, kind.system)[rule]
    assert check.verdict is Verdict.FAIL
    assert all(finding.rows and finding.explanation for finding in check.findings)
