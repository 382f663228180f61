"""The script of a finding shows it with psql alone: played here, in as many terminals as it asks for."""

from __future__ import annotations

import re

import pytest
from explorer_ground import SPECIMENS
from psql_player import blocks, play

from crossfoot.background import BackgroundServer
from crossfoot.content import shipped_content
from crossfoot.explorer.explore import Bounds
from crossfoot.results import Finding
from crossfoot.stages import load_races
from crossfoot.target import Target, load_target
from crossfoot.variant import load_variant
from crossfoot.workbench import Workbench

# One mistake of each system, and the race that catches it.
MISTAKES = {
    "credit_purchase": ("balance_read_without_lock", "two_purchases_one_user"),
    "lead_marketplace": ("first_movement_overwrites_balance", "first_top_up_twice"),
    "license_billing": ("top_up_reads_without_lock", "top_up_against_deduction"),
    "peer_booking": ("allocation_without_lock", "allocation_against_booking"),
    "stripe_idempotency": ("balance_read_without_lock", "two_debits_one_balance"),
}


def found(
    server: BackgroundServer, target: Target, race: str, variant: str = ""
) -> tuple[Finding, dict[str, list[str]]]:
    """Find a counterexample; play its script where only the right system is. Return what was seen."""

    async def explore() -> Finding:
        bench = Workbench(server.server)
        async with bench.as_written(target) as form:
            if not variant:
                return await one(bench, form)
            path = target.file.parent / "broken" / f"{variant}.sql"
            mistake = load_variant(path, target)
            async with bench.broken(form, mistake, unmasked=False) as broken:
                return await one(bench, broken)

    async def one(bench: Workbench, form: object) -> Finding:
        bounds = Bounds(300, first=True, replays=1)
        (chosen,) = load_races(target, 1, [race])
        async with bench.explorer(form, seed=1, bounds=bounds, arenas=1) as explorer:  # type: ignore[arg-type]
            (finding,) = (await explorer.explore(chosen)).findings
            return finding

    finding = server.run(explore())
    assert finding.script
    form = Workbench(server.server).as_written(target)
    database = server.run(form.__aenter__()).database
    try:
        return finding, play(server, database, finding.script)
    finally:
        server.run(form.__aexit__(None, None, None))


def test_two_terminals_see_the_lost_update(server: BackgroundServer) -> None:
    target = load_target(SPECIMENS / "gift_cards" / "target.toml")
    finding, said = found(server, target, "two_redeem")
    assert {letter for letter, _ in blocks(finding.script)} == {"A", "B"}
    told = "\n".join(said["end"])
    assert re.search(r"70 +\| +40 +\| +30 ", told), told  # balance, entries, difference


def test_a_deadlock_takes_a_third_terminal_that_holds_the_locks(server: BackgroundServer) -> None:
    target = load_target(SPECIMENS / "gift_cards" / "target.toml")
    finding, said = found(server, target, "there_and_back")
    assert {letter for letter, _ in blocks(finding.script)} == {"A", "B", "C"}
    assert "no answer yet" in finding.script
    failed = [line for letter in "AB" for line in said[letter] if "deadlock detected" in line]
    assert len(failed) == 1


@pytest.mark.parametrize("system", MISTAKES)
def test_the_mistake_of_a_system_shows_without_crossfoot(
    server: BackgroundServer, system: str
) -> None:
    variant, race = MISTAKES[system]
    target = load_target(shipped_content().root / "reference_impl" / system / "target.toml")
    finding, said = found(server, target, race, variant)
    told = "\n".join(said["end"])
    assert finding.violates
    assert "ERROR" not in told
    assert re.search(r"\([1-9][0-9]* rows?\)", told), told


def test_the_script_says_how_to_use_it_and_marks_what_it_adds(server: BackgroundServer) -> None:
    target = load_target(SPECIMENS / "gift_cards" / "target.toml")
    finding, _ = found(server, target, "two_redeem")
    assert "createdb scratch" in finding.script
    assert "psql -d scratch -f schema.sql -f functions.sql" in finding.script
    added = [line for line in finding.script.splitlines() if line.endswith("-- added")]
    assert added == ["    assert by_hand.stop(1);  -- added"]
