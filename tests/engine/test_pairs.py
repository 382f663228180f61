"""Races that nobody wrote find what two or three calls can do, and nothing where there is nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.pairs.cast import Cast, Stage
from crossfoot.pairs.generate import meetings
from crossfoot.pairs.plot import Plot
from crossfoot.pairs.slots import Callable, Slot
from crossfoot.report import load_run
from crossfoot.results import TargetResult
from crossfoot.stages import ensemble_of
from crossfoot.target import Target, load_target
from crossfoot.workbench import Workbench

RACY = """
create table card (id uuid primary key, balance integer not null);
create function redeem(p_card uuid, p_amount integer) returns integer language plpgsql as $$
declare
    v_balance integer;
begin
    select balance into v_balance from card where id = p_card;
    if v_balance < p_amount then
        raise exception 'INSUFFICIENT';
    end if;
    update card set balance = v_balance - p_amount where id = p_card;
    return v_balance - p_amount;
end
$$;
"""
FIVE_LINES = """\
target = { name = "gift", about = "Gift cards", sql = ["gift.sql"], schemas = ["public"] }
operations.redeem.call = "select redeem(:card, :amount)"
operations.redeem.refused = ["P0001 INSUFFICIENT"]
fixtures.card.values = { card = "uuid", balance = 100 }
fixtures.card.sql = "insert into card values (:card, :balance)"
"""
TRANSFER = """
create function transfer(p_from uuid, p_to uuid, p_amount integer) returns void language plpgsql as $$
begin
    update card set balance = balance - p_amount where id = p_from;
    update card set balance = balance + p_amount where id = p_to;
end
$$;
create table ticket (id uuid primary key, card uuid references card, state text default 'open');
create function pay(p_ticket uuid) returns text language sql as $$
    update ticket set state = 'paid' where id = p_ticket and state = 'open' returning state;
$$;
create function refund(p_ticket uuid, p_key uuid, p_weird point) returns text language sql as $$
    update ticket set state = 'refunded' where id = p_ticket and state = 'paid' returning state;
$$;
create function reopen(p_ticket uuid, p_key uuid) returns text language sql as $$
    update ticket set state = 'open' where id = p_ticket and state = 'paid' returning state;
$$;
"""
MORE = """
operations.transfer.call = "select transfer(:from_card, :to_card, :amount)"
operations.pay = { call = "select pay(:ticket_id)", refused = ["result.pay = null"] }
operations.refund.call = "select refund(:ticket_id, :key, :weird)"
operations.reopen = { call = "select reopen(:ticket_id, :key)", refused = ["result.reopen = null"] }
operations.never.call = "select 1 / (:amount - 60)"
fixtures.ticket.values = { ticket = "uuid", card = "uuid" }
fixtures.ticket.sql = "insert into ticket (id, card) values (:ticket, :card)"
"""


def crossfoot(folder: Path, *arguments: str) -> TargetResult:
    command = [sys.executable, "-m", "crossfoot", *arguments]
    subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    return load_run(folder / "crossfoot-out" / "latest").targets[0]


def test_a_racy_function_and_five_lines_in_an_empty_folder_are_enough(tmp_path: Path) -> None:
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "gift.sql").write_text(RACY)
    (tmp_path / "target.toml").write_text(FIVE_LINES)
    assert len(FIVE_LINES.splitlines()) == 5
    result = crossfoot(tmp_path, "race", "--pairs")
    check = result.checks[0]
    assert (check.name, check.verdict) == ("redeem_twice_same_entities", "fail")
    assert check.findings[0].violates == ["serial order"]
    assert check.findings[0].confirmed == (10, 10)
    assert [each.verdict for each in result.checks[1:]] == ["pass"]  # on cards of their own
    assert (tmp_path / "crossfoot-out/pairs/gift/redeem_twice_same_entities.race.sql").exists()
    token = check.findings[0].replay.split()[-1]
    (again,) = crossfoot(tmp_path, "replay", token).checks
    assert again.findings[0].violates == ["serial order"]


def test_the_mended_function_has_no_finding_with_two_or_three_sessions(tmp_path: Path) -> None:
    mended = RACY.replace(
        "where id = p_card;\n    if", "where id = p_card for no key update;\n    if"
    )
    (tmp_path / "gift.sql").write_text(mended)
    (tmp_path / "target.toml").write_text(FIVE_LINES)
    result = crossfoot(tmp_path, "race", "--pairs")
    assert {check.name: check.verdict for check in result.checks} == {
        "redeem_twice_same_entities": "pass",
        "redeem_twice_apart": "pass",
        "redeem_three_times_same_entities": "pass",
    }


@pytest.fixture
def gifts(tmp_path: Path) -> Target:
    (tmp_path / "gift.sql").write_text(RACY + TRANSFER)
    (tmp_path / "target.toml").write_text(FIVE_LINES + MORE)
    return load_target(tmp_path / "target.toml")


Found = tuple[dict[str, Plot], list[str]]


@pytest.fixture
def found(server: BackgroundServer, gifts: Target) -> Found:
    async def work() -> Found:
        bench = Workbench(server.server)
        async with bench.as_written(gifts) as form, ensemble_of(bench, form) as ensemble:
            plots = [*ensemble.plots(2, apart=True), *ensemble.plots(3)]
            led_up = [await ensemble.reach.led_up(plot) for plot in plots]
            return {plot.name: plot for plot in led_up}, ensemble.left_out

    return server.run(work())


def test_what_cannot_be_called_is_said_with_its_reason(found: Found) -> None:
    assert found[1] == [
        "refund: in no pair, no value for :weird (point)",
        "never: in no pair, it never succeeds on the fixtures",
    ]


def test_two_accounts_meet_in_opposite_order_and_in_a_row(found: Found, gifts: Target) -> None:
    opposite = found[0]["transfer_twice_opposite_order"].text(gifts)
    assert "select transfer(:card_1, :card_2, 60);" in opposite
    assert "select transfer(:card_2, :card_1, 60);" in opposite
    row = found[0]["transfer_twice_in_a_row"].text(gifts)
    assert "select transfer(:card_1, :card_2, 60);" in row
    assert "select transfer(:card_2, :card_3, 60);" in row


def test_three_transfers_can_go_round_in_a_ring(found: Found, gifts: Target) -> None:
    text = found[0]["transfer_three_times_in_a_ring"].text(gifts)
    for one, other in ((1, 2), (2, 3), (3, 1)):
        assert f"select transfer(:card_{one}, :card_{other}, 60);" in text
    assert text.count("-- @session") == 3


def test_calls_that_are_apart_have_no_entity_in_common(found: Found, gifts: Target) -> None:
    transfers = found[0]["transfer_twice_apart"].text(gifts)
    assert "select transfer(:card_1, :card_2, 60);" in transfers
    assert "select transfer(:card_3, :card_4, 60);" in transfers
    reopened = found[0]["reopen_twice_apart_same_key"].text(gifts)
    assert "select reopen(:ticket_1, :key_a_key);" in reopened
    assert "select reopen(:ticket_2, :key_a_key);" in reopened
    assert "values (:ticket_2, :card_2)" in reopened


def test_only_what_a_call_takes_two_of_is_swapped(gifts: Target) -> None:
    plain = Slot("ticket_id", "uuid", "entity", "ticket")
    paired = Slot("to_card", "uuid", "entity", "card", nth=1, paired=True)
    stage = Stage(gifts.fixtures)
    assert Cast(swapped=True).argument(plain, stage) == ":ticket_1"
    assert Cast(swapped=True).argument(paired, stage) == ":card_1"


def test_calls_on_other_entities_say_another_text(gifts: Target) -> None:
    label = Slot("effect", "text", "constant", "'x'")
    stage = Stage(gifts.fixtures)
    assert [Cast(number).argument(label, stage) for number in (1, 2)] == ["'x'", "'x2'"]


def test_a_call_that_needs_another_one_first_gets_it_on_its_own_entities(
    found: Found, gifts: Target
) -> None:
    assert [each.name for each in found[0]["reopen_twice_same_key"].before] == ["pay"]
    apart = found[0]["reopen_twice_apart"]
    assert [each.name for each in apart.before] == ["pay", "pay"]
    assert "select pay(:ticket_1);\nselect pay(:ticket_2);" in apart.text(gifts)


def test_a_call_that_the_race_makes_itself_is_not_made_before(found: Found) -> None:
    assert found[0]["pay_and_reopen_same_entities"].before == ()
    assert [each.name for each in found[0]["pay_and_reopen_apart"].before] == ["pay"]


def test_documents_of_their_own_may_still_share_what_they_are_made_of(
    found: Found, gifts: Target
) -> None:
    text = found[0]["pay_twice_same_card"].text(gifts)
    assert "values (:ticket_1, :card_1)" in text
    assert "values (:ticket_2, :card_1)" in text
    assert "card_2" not in text


def test_a_key_is_sent_twice_or_once_each(found: Found, gifts: Target) -> None:
    same = found[0]["reopen_twice_same_key"].text(gifts)
    assert same.count(":key_a_key") == 2
    other = found[0]["reopen_twice_same_entities"].text(gifts)
    assert (other.count(":key_a_key"), other.count(":key_b_key")) == (1, 1)


def test_the_title_says_how_they_meet(found: Found, gifts: Target) -> None:
    pair = found[0]["pay_and_reopen_same_entities"]
    assert "-- title:   pay and reopen at once, on the same entities\n" in pair.text(gifts)
    three = found[0]["redeem_twice_and_transfer_same_entities"]
    assert three.says == "redeem, redeem and transfer at once, on the same entities"


def test_a_call_without_arguments_meets_others_only_on_the_same_ground(gifts: Target) -> None:
    sweep = Callable("sweep", gifts.operations["pay"])
    met = [meeting.name for meeting in meetings([sweep, sweep], gifts)]
    assert met == ["same_entities"]
    assert Stage(gifts.fixtures).call(sweep, Cast()) == "select pay(:ticket_id)"
