"""The reference systems hold under their bursts, and each burst fails on a mistake that it is about."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.bursts.stage import burst_stage, bursts_of
from crossfoot.content import shipped_content
from crossfoot.results import Check
from crossfoot.target import Target, find_targets
from crossfoot.variant import load_variants
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Form, Workbench

TARGETS = find_targets([path.parent.name for path in shipped_content().targets])

# A pause after each lock on an account: whoever locks in another order has come by then.
SLOW_LOCKS = """
create function peer_booking.pause() returns trigger language plpgsql
as 'begin perform pg_sleep(0.05); return null; end';
create trigger pause after update on peer_booking.credits
for each row execute function peer_booking.pause();
"""


@dataclass(frozen=True)
class Mistake:
    """A broken variant that a burst catches however its calls fall, and what else is done to it."""

    target: str
    burst: str
    variant: str
    unmasked: bool = False
    sql: str = ""


MISTAKES = [
    Mistake("credit_purchase", "many_jobs_one_balance", "unguarded_debit", unmasked=True),
    Mistake("credit_purchase", "one_payment_delivered_many_times", "not_idempotent"),
    Mistake("lead_marketplace", "hundred_buyers_one_lead", "lock_split_across_calls"),
    Mistake(
        "lead_marketplace", "hundred_buyers_one_lead", "lock_split_across_calls", unmasked=True
    ),
    Mistake("lead_marketplace", "one_grant_sent_ten_times", "grant_not_idempotent", unmasked=True),
    Mistake("lead_marketplace", "top_ups_while_spending", "leads_left_on_offer"),
    Mistake("license_billing", "many_generations_one_license", "unguarded_debit", unmasked=True),
    Mistake("license_billing", "one_request_sent_many_times", "retry_charges_again"),
    Mistake(
        "peer_booking", "many_bookings_one_client", "balance_checked_by_the_page", unmasked=True
    ),
    Mistake("peer_booking", "transfers_both_ways", "locks_in_caller_order", sql=SLOW_LOCKS),
    Mistake("stripe_idempotency", "one_event_delivered_many_times", "credit_before_claim"),
    Mistake("stripe_idempotency", "one_operation_claimed_by_many", "claim_is_only_a_look"),
]


@pytest.fixture(scope="session")
def forms(server: BackgroundServer) -> dict[str, Form]:
    """The targets as written, by name."""
    bench = Workbench(server.server)
    return {
        target.name: server.run(server.opened.enter_async_context(bench.as_written(target)))
        for target in TARGETS
    }


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_reference_holds_under_its_bursts(
    server: BackgroundServer, forms: dict[str, Form], target: Target
) -> None:
    bench = Workbench(server.server)
    checks = server.run(burst_stage(bench, forms[target.name], bursts_of(target), 1))
    assert len(checks) >= 2
    for check in checks:
        assert check.verdict is Verdict.PASS, (check.name, check.reason, check.findings)
        assert int(check.population["under way at once"]) > 1, check.name
        assert check.population["slowest call"].endswith(" ms")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda each: f"{each.burst}-{each.variant}")
def test_a_burst_fails_on_the_mistake_that_it_is_about(
    server: BackgroundServer, forms: dict[str, Form], mistake: Mistake
) -> None:
    check = server.run(sent_at(Workbench(server.server), forms[mistake.target], mistake))
    assert check.verdict is Verdict.FAIL, (check.reason, check.population)


async def sent_at(bench: Workbench, form: Form, mistake: Mistake) -> Check:
    """Return the check of a burst on a mistake."""
    (variant,) = [each for each in load_variants(form.target) if each.name == mistake.variant]
    async with bench.broken(form, variant, unmasked=mistake.unmasked) as broken:
        if mistake.sql:
            connection = await bench.server.connect(broken.database)
            await connection.execute(mistake.sql)
            await connection.close()
        bursts = bursts_of(form.target, [mistake.burst])
        return (await burst_stage(bench, broken, bursts, 1, callers=30))[0]


def test_every_burst_has_a_mistake_that_it_catches() -> None:
    there = {(target.name, burst.name) for target in TARGETS for burst in bursts_of(target)}
    assert there == {(each.target, each.burst) for each in MISTAKES}
