"""A finding is named after what the evidence shows: over the systems' known mistakes.

The specimens of tests/power name theirs too; test_power.py compares them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.content import shipped_content
from crossfoot.counterexample import telling
from crossfoot.explorer import explore
from crossfoot.explorer.explore import Bounds
from crossfoot.results import Finding
from crossfoot.stages import load_races
from crossfoot.target import load_target
from crossfoot.variant import load_variant
from crossfoot.workbench import Workbench

Mistake = tuple[str, str, str]  # the broken variant, its class, the race that catches it

NAMES: dict[str, dict[str, list[Mistake]]] = {
    "credit_purchase": {
        "lost update": [
            ("balance_read_without_lock", "read_modify_write", "two_purchases_one_user")
        ],
        "raw constraint violation": [
            ("balance_checked_without_lock", "check_then_act", "two_reservations_one_balance"),
            (
                "refunds_counted_without_lock",
                "status_acted_on_twice",
                "two_refunds_one_reservation",
            ),
        ],
        "false refusal": [
            (
                "changed_balance_taken_for_too_small",
                "lock_timeout_as_refusal",
                "purchase_against_reservation",
            )
        ],
        "not serializable": [
            (
                "loser_of_the_key_not_compared",
                "key_reused_for_other_arguments",
                "one_key_two_payments",
            )
        ],
        "deadlock": [
            ("purchases_share_the_lock", "shared_lock_upgraded", "two_purchases_one_user")
        ],
        "stale read": [
            ("stale_balance_in_entry", "stale_balance_in_entry", "two_purchases_one_user")
        ],
        "raw unique violation": [
            ("refund_key_looked_up_first", "raw_unique_violation", "refund_sent_twice")
        ],
    },
    "lead_marketplace": {
        "lost update": [
            ("first_movement_overwrites_balance", "first_touch_race", "first_top_up_twice"),
            ("top_up_overwrites_balance", "read_modify_write", "top_up_against_purchase"),
        ],
        "raw constraint violation": [
            ("lock_split_across_calls", "lock_split_across_calls", "two_buyers_one_lead")
        ],
        "deadlock": [("locks_in_caller_order", "locks_in_caller_order", "two_bulk_markings")],
        "false refusal": [
            ("validation_skips_busy_leads", "skip_locked_spend", "two_validations_at_once")
        ],
        "raw unique violation": [
            ("checkout_key_fails_raw", "raw_unique_violation", "same_checkout_key_twice")
        ],
    },
    "license_billing": {
        "lost update": [
            ("top_up_reads_without_lock", "read_modify_write", "top_up_against_deduction")
        ],
        "raw constraint violation": [
            ("unguarded_debit", "unguarded_debit", "two_deductions_one_balance")
        ],
        "wrong without overlap": [
            ("top_up_before_claim", "effect_before_claim", "same_top_up_twice")
        ],
    },
    "peer_booking": {
        "lost update": [
            ("allocation_without_lock", "read_modify_write", "allocation_against_booking")
        ],
        "deadlock": [("locks_in_caller_order", "locks_in_caller_order", "transfers_in_a_circle")],
        "not serializable": [
            ("balances_read_one_by_one", "check_then_act", "reconciliation_during_a_transfer")
        ],
        "raw unique violation": [
            (
                "period_inserted_where_not_exists",
                "insert_where_not_exists",
                "one_period_allocated_twice",
            )
        ],
    },
    "stripe_idempotency": {
        "lost update": [
            ("balance_read_without_lock", "read_modify_write", "two_debits_one_balance")
        ],
        "dirty claim": [
            (
                "lease_is_a_row_lock",
                "lock_split_across_calls",
                "two_callers_claim_call_and_record",
            )
        ],
        "raw unique violation": [
            ("event_inserted_where_not_exists", "insert_where_not_exists", "event_created_twice")
        ],
        "not serializable": [
            ("record_without_lock", "check_before_lock", "two_owners_record_one_resource")
        ],
    },
}


@pytest.fixture(autouse=True)
def _only_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would prevent the findings isn't the matter here, and takes longest."""

    async def nothing(*_: object) -> list[object]:
        return []

    monkeypatch.setattr(explore, "_AT_OTHER_LEVELS", 1)
    monkeypatch.setattr(telling, "tried", nothing)


# What a finding's paragraph ends on.
CONTRADICTION = re.compile(
    r"(, not [^.]+|; there were \d+|contradict themselves: .+|in which nothing was wrong"
    r"|drawn stand in other places)\.$",
    re.DOTALL,
)


async def findings(
    server: BackgroundServer, system: str, chosen: Sequence[Mistake]
) -> list[Finding]:
    """Return the first counterexample of each mistake; its class has to be as given."""
    target = load_target(shipped_content().root / "reference_impl" / system / "target.toml")
    bench, found = Workbench(server.server), []
    async with bench.as_written(target) as form:
        for name, kind, race in chosen:
            variant = load_variant(target.file.parent / "broken" / f"{name}.sql", target)
            assert variant.mistake == kind
            bounds = Bounds(300, first=True, replays=1)
            async with (
                bench.broken(form, variant, unmasked=False) as broken,
                bench.explorer(broken, seed=1, bounds=bounds, arenas=1) as explorer,
            ):
                found += (await explorer.explore(load_races(target, 1, [race])[0])).findings
    return found


@pytest.mark.parametrize("system", NAMES)
def test_the_mistakes_of_a_system_are_called_what_they_are(
    server: BackgroundServer, system: str
) -> None:
    expected = [(name, mistake) for name, each in NAMES[system].items() for mistake in each]
    found = server.run(findings(server, system, [mistake for _, mistake in expected]))
    assert [finding.anomaly for finding in found] == [name for name, _ in expected]
    assert [f.explanation for f in found if not CONTRADICTION.search(f.explanation)] == []


def test_more_than_twenty_mistakes_are_looked_at() -> None:
    assert sum(len(each) for names in NAMES.values() for each in names.values()) > 20
