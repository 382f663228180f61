"""The suite can fail: every broken variant is caught, and every check is needed to catch something."""

from __future__ import annotations

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.content import shipped_content
from crossfoot.prove import Prover, prove_plan
from crossfoot.results import Kill
from crossfoot.target import Target, find_targets
from crossfoot.variant import Variant, load_variants
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Form, Workbench

TARGETS = find_targets([path.parent.name for path in shipped_content().targets])
VARIANTS = [(target, variant) for target in TARGETS for variant in load_variants(target)]
LEAST_VARIANTS = 18
LEAST_RACES = 8

# What the marketplace's source gets wrong, each with the variant that has it.
FLAWS_OF_THE_SOURCE = {
    "lock_split_across_calls",
    "completion_not_idempotent",
    "refunded_completed_again",
    "foreign_purchase_charged",
    "negative_amount",
    "fraction_is_free",
    "failure_left_pending",
    "unknown_purchase_charged",
    "card_sells_again",
}


@pytest.fixture(scope="session")
def forms(server: BackgroundServer) -> dict[str, Form]:
    """The targets as written, by name, for variants to be made of."""
    bench = Workbench(server.server)
    return {
        target.name: server.run(server.opened.enter_async_context(bench.as_written(target)))
        for target in TARGETS
    }


@pytest.mark.parametrize(
    ("target", "variant"), VARIANTS, ids=[f"{t.name}-{v.name}" for t, v in VARIANTS]
)
def test_a_broken_variant_is_caught_by_what_its_header_names(
    server: BackgroundServer, forms: dict[str, Form], target: Target, variant: Variant
) -> None:
    """One that names a single check is caught, as written, by nothing else (audits aside)."""
    prover = Prover(Workbench(server.server), prove_plan(seed=1))

    def kill(unmasked: bool) -> Kill:
        return server.run(prover.kill(forms[target.name], variant, unmasked=unmasked))

    as_written = kill(unmasked=False)
    assert as_written.verdict is Verdict.PASS, as_written.reason
    if len(without_audits(variant.caught_by)) == 1:
        assert without_audits(as_written.caught_by) == without_audits(variant.caught_by)
    if variant.unmask:
        unmasked = kill(unmasked=True)
        assert unmasked.verdict is Verdict.PASS, unmasked.reason


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_every_race_and_contract_is_the_only_catcher_of_something(target: Target) -> None:
    """Audits aside: each has a row planted for it that it alone finds (test_planted).

    A header that names one check names the only one, as the first test sees to; so this can read
    the headers.
    """
    assert races_and_contracts(target) - only_catchers(target) == set()


def test_every_lint_is_the_only_catcher_of_something() -> None:
    market = next(target for target in TARGETS if target.name == "lead_marketplace")
    lints = {f"lint {path.stem}" for path in market.content.lints}
    assert lints - only_catchers(market) == set()


def only_catchers(target: Target) -> set[str]:
    """Return the checks of which some header names no other."""
    catchers = [without_audits(variant.caught_by) for variant in load_variants(target)]
    return {next(iter(caught)) for caught in catchers if len(caught) == 1}


def races_and_contracts(target: Target) -> set[str]:
    content = target.content
    races = {f"race {path.name.removesuffix('.race.sql')}" for path in content.races(target.name)}
    contracts = {
        f"contract {path.name.removesuffix('.contract.sql')}"
        for path in content.contracts(target.name)
    }
    return races | contracts


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_there_are_variants_and_races_enough(target: Target) -> None:
    assert len(target.broken) >= LEAST_VARIANTS
    assert len(target.content.races(target.name)) >= LEAST_RACES


def test_the_flaws_of_the_source_are_among_the_variants() -> None:
    found = {variant.name for target, variant in VARIANTS if target.name == "lead_marketplace"}
    assert found >= FLAWS_OF_THE_SOURCE


def without_audits(names: list[str] | tuple[str, ...]) -> set[str]:
    return {name for name in names if not name.startswith("audit ")}
