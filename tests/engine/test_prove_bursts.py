"""A broken variant can name the burst that catches it; then that burst is sent, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from burst_ground import gift_target, written

from crossfoot.background import BackgroundServer
from crossfoot.prove import Prover, prove_plan
from crossfoot.results import Kill, KillMatrix
from crossfoot.verdicts import Verdict
from crossfoot.workbench import Workbench

BURST = """-- title:   A card with 100 is redeemed by twelve, and it is enough for three
-- callers: 12
-- expect:  exactly 3 ok
-- expect:  the others refused
-- @values card uuid
-- @setup
insert into gift.card values (:card, 100);
-- @call redeem
select * from gift.redeem(:card, 30);
"""
VARIANT = """-- title:     Looks, waits and takes without looking again
-- class:     lost update
-- operation: redeem
-- hurts:     the shop
{header}create or replace function gift.redeem(p_card uuid, p_amount integer, p_note text default null)
returns table (balance_left integer)
language plpgsql as $$
begin
    select card.balance - p_amount into balance_left from gift.card as card where card.id = p_card;
    if balance_left < 0 then
        raise exception 'INSUFFICIENT: less than %', p_amount;
    end if;
    perform pg_sleep(0.2);
    update gift.card as card set balance = balance_left where card.id = p_card;
    return next;
end
$$;
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A target with two bursts, of which one would catch the variant too."""
    gift_target(tmp_path)
    written(tmp_path, BURST, "spent")
    written(tmp_path, BURST, "spent_as_well")
    return tmp_path


def proved(server: BackgroundServer, folder: Path, header: str) -> tuple[KillMatrix, Kill]:
    (folder / "broken").mkdir()
    (folder / "broken" / "looked_before.sql").write_text(VARIANT.format(header=header))
    target = gift_target(folder)
    bench = Workbench(server.server)

    async def work() -> KillMatrix:
        async with bench.as_written(target) as form:
            return await Prover(bench, prove_plan(1)).prove(form)

    matrix = server.run(work())
    return matrix, matrix.kills[0]


def bursts(names: list[str]) -> list[str]:
    """Return the bursts among the names; the gift cards fail on lints too."""
    return [name for name in names if name.startswith("burst ")]


def test_a_burst_that_the_header_names_catches_the_variant(
    server: BackgroundServer, folder: Path
) -> None:
    matrix, kill = proved(server, folder, "-- caught-by: burst spent\n")
    assert kill.verdict is Verdict.PASS
    assert bursts(kill.caught_by) == bursts(matrix.checks) == ["burst spent"]
    assert kill.not_run == ["burst spent_as_well"]


def test_a_burst_that_nobody_names_is_not_sent(server: BackgroundServer, folder: Path) -> None:
    _, kill = proved(server, folder, "")
    assert bursts(kill.caught_by) == []
    assert kill.not_run == ["burst spent", "burst spent_as_well"]


def test_a_burst_that_does_not_exist_is_missed(server: BackgroundServer, folder: Path) -> None:
    _, kill = proved(server, folder, "-- caught-by: burst spnet\n")
    assert (kill.verdict, kill.reason) == (Verdict.FAIL, "not caught by burst spnet")
