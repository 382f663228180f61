"""A load against a broken variant fails, and names the calls or the rows that contradict each other.

One variant at least of each class that every system has one of; the table below says what shows it.
Users call the database directly, since only their calls are written down one by one.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.load.drive import Load, LoadPlan
from crossfoot.load.locust_process import Intensity
from crossfoot.load.scenario import find_scenario
from crossfoot.results import Check, Finding
from crossfoot.variant import Variant, load_variants
from crossfoot.verdicts import Verdict

USERS = 32
# At most: a violated audit ends it, and so does a misuse let through. On a slow machine the calls that
# show it may not have met by then.
RUN_TIMES = ("20s", "60s", "180s")
CLASSES = {
    "executable_by_anyone",
    "no_ledger_entry",
    "negative_amount",
    "not_idempotent",
    "app_read_modify_write",
    "check_then_act",
    "check_before_lock",
    "read_modify_write",
    "lock_split_across_calls",
}
DIRECT = {
    "credit_purchase": "SpenderInDatabase",
    "lead_marketplace": "BuyerInDatabase",
    "license_billing": "CallerInDatabase",
    "peer_booking": "MemberInDatabase",
    "stripe_idempotency": "PayerInDatabase",
}


@dataclass(frozen=True)
class Shown:
    """A variant, and which check shows it by what: an anomaly's name, and a word of its evidence."""

    mistake: str
    target: str
    variant: str
    check: str
    says: str
    unmasked: bool = False


MARKET, CREDITS = "lead_marketplace", "credit_purchase"
LICENSES, PEERS, STRIPE = "license_billing", "peer_booking", "stripe_idempotency"
MISUSE = "misuse let through"
SAID, FOLLOW = "calls_left_what_they_said", "balances_follow_from_entries"
BY_HAND = "balance + 1"

SHOWN = [
    Shown("executable_by_anyone", MARKET, "executable_by_anyone", MISUSE, "add_workspace_credits"),
    Shown("no_ledger_entry", MARKET, "no_ledger_entry", SAID, "acknowledged but absent"),
    Shown("negative_amount", MARKET, "negative_amount", MISUSE, "complete_credit_lead", True),
    Shown("not_idempotent", MARKET, "top_up_not_idempotent", SAID, "doubled entry", True),
    Shown("app_read_modify_write", MARKET, "app_writes_balance", MISUSE, BY_HAND),
    Shown("check_then_act", MARKET, "balance_checked_without_lock", FOLLOW, "overdraft", True),
    Shown("check_before_lock", MARKET, "top_up_checks_before_lock", SAID, "doubled entry", True),
    Shown("read_modify_write", MARKET, "balance_read_without_lock", FOLLOW, "broken chain"),
    Shown("lock_split_across_calls", MARKET, "lock_split_across_calls", "item_sold_once", "", True),
    Shown("app_read_modify_write", CREDITS, "app_writes_balance", MISUSE, BY_HAND),
    Shown("check_then_act", CREDITS, "balance_checked_without_lock", FOLLOW, "overdraft", True),
    Shown("negative_amount", LICENSES, "negative_amount", MISUSE, "deduct_credits", True),
    Shown("lock_split_across_calls", PEERS, "lock_split_across_calls", FOLLOW, "broken chain"),
    Shown("not_idempotent", STRIPE, "wallet_not_idempotent", SAID, "key reused", True),
]


@pytest.mark.parametrize("shown", SHOWN, ids=lambda each: f"{each.target}-{each.variant}")
def test_a_load_against_a_broken_variant_names_what_contradicts_each_other(
    server: BackgroundServer, shown: Shown
) -> None:
    (variant,) = [
        each
        for each in load_variants(find_scenario(shown.target, None).targets[0])
        if each.name == shown.variant
    ]
    assert variant.mistake == shown.mistake
    for run_time in RUN_TIMES:
        checks = loaded(server, shown, variant, run_time)
        if found := [finding for check in checks for finding in shown_in(shown, check)]:
            break
    assert found, [(each.name, each.findings) for each in checks if each.findings]
    for finding in found:
        assert finding.rows, finding
        assert shown.check not in {SAID, FOLLOW} or "(call " in finding.summary, finding


def shown_in(shown: Shown, check: Check) -> list[Finding]:
    """Return the findings that show the mistake, if it is this check's to show it."""
    if check.verdict is not Verdict.FAIL:
        return []
    if shown.check == MISUSE:
        misuse = [each for each in check.findings if each.anomaly == MISUSE]
        return [each for each in misuse if shown.says in each.subject]
    about = check.findings if check.name == shown.check else []
    return [each for each in about if shown.says in each.anomaly]


def loaded(server: BackgroundServer, shown: Shown, variant: Variant, run_time: str) -> list[Check]:
    """Return the checks of a short load with a mistake in the database."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        plan = LoadPlan(
            find_scenario(shown.target, None),
            Intensity(USERS, USERS, run_time, classes=(DIRECT[shown.target],)),
            seed=1,
            folder=Path(folder),
            every=1.0,
            variant=variant,
            unmasked=shown.unmasked,
        )
        load = Load(server.server, plan, lambda progress: None, lambda ground, file: None)
        try:
            checks = server.run(load.run())[shown.target]
        finally:
            server.server.keep = False  # what a violation sets, so that people can look
        assert load.ground
        server.run(server.server.drop_database(load.ground.database))
    return checks


def test_every_class_that_all_systems_have_is_shown_by_a_load() -> None:
    assert {shown.mistake for shown in SHOWN} == CLASSES
