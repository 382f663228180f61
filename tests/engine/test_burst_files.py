"""A burst file is read as it is meant; a mistake in one is one line with file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest
from burst_ground import burst, gift_target

from crossfoot.bursts.arguments import arguments_in
from crossfoot.bursts.deal import Deal
from crossfoot.bursts.stage import bursts_of, callers_of, with_bursts
from crossfoot.errors import ContentError, CrossfootError
from crossfoot.target import Target

HEAD = "-- title: A card is spent\n"
CALL = "-- @call redeem\nselect * from gift.redeem(:card, 30);\n"
CARD = "-- @values card uuid\n"


@pytest.fixture
def target(tmp_path: Path) -> Target:
    return gift_target(tmp_path)


MISTAKES = [
    ("-- titel: x\n" + CALL, ":1: header has an unknown key 'titel:'", "callers"),
    (HEAD + "-- callers: many\n" + CARD + CALL, ":2: callers: 'many' isn't a number", ""),
    (HEAD + "-- callers: 501\n" + CARD + CALL, "'501' isn't a number from 2 to 500", ""),
    (HEAD + "-- callers: 1\n" + CARD + CALL, "'1' isn't a number from 2 to 500", ""),
    (
        HEAD + "-- callers: 10\n-- spread: 6\n" + CARD + CALL,
        ":3: spread: '6' isn't a number from 1 to 5",
        "two callers",
    ),
    (HEAD + "-- expect: some ok\n" + CARD + CALL, ":2: expect: 'some ok' can't", "the others"),
    (HEAD + "-- expect: exactly 1 ok in look\n" + CARD + CALL, "'look' is called by", "redeem"),
    (HEAD + "-- isolation: dirty\n" + CARD + CALL, "isolation: 'dirty' isn't one", "serializable"),
    (HEAD + CARD, ":1: nobody calls anything", "@call OPERATION"),
    (HEAD + CARD + "-- @call reedem\nselect 1;\n", ":3: no operation 'reedem'", "redeem, "),
    (HEAD + CARD + "-- @call redeem twice\nselect 1;\n", ":3: @call 'redeem twice'", "times 3"),
    (HEAD + CARD + "-- @call redeem times 0\nselect 1;\n", "'redeem times 0' can't be", ""),
    (HEAD + CARD + "-- @call redeem\n", ":3: @call wants one statement, not 0", ""),
    (HEAD + CARD + CALL + "select 2;\n", ":3: @call wants one statement, not 2", ""),
    (HEAD + "-- @call redeem\ncall gift.p();\n", ":3: a caller sends a select", "let go"),
    (HEAD + CALL, ":3: unknown value ':card'", "Known here: none"),
    (HEAD + CARD + "-- @sesion a\n" + CALL, ":3: unknown section '@sesion'", "@entity"),
    (HEAD + CARD + "-- @caller card uuid\n" + CALL, ":3: @caller: 'card' has a value", ""),
    (HEAD + CARD + "-- @caller key uid\n" + CALL, ":3: @caller wants 'name type'", "uuid"),
    (
        HEAD + "-- @setup\nselect :key;\n-- @caller key uuid\n" + CALL,
        ":3: unknown value ':key'",
        "Known here: none",
    ),
    (
        HEAD + CARD + "-- @entity shop uuid\nselect :key;\n-- @caller key uuid\n" + CALL,
        ":4: unknown value ':key'",
        "card, shop",
    ),
    (HEAD + CARD + CALL + "-- @check\nselect true;\n", ":5: @check wants a sentence", "makes"),
    (HEAD + CARD + CALL + "-- @check It is so\n", ":5: @check wants one statement", ""),
    (HEAD + CARD + CALL + "-- @setup\nselect 'open\n", "below @setup: not SQL", "quote"),
]


@pytest.mark.parametrize(("text", "problem", "remedy"), MISTAKES)
def test_a_mistake_is_named_with_its_line_and_a_remedy(
    target: Target, text: str, problem: str, remedy: str
) -> None:
    with pytest.raises(ContentError) as raised:
        burst(target, text)
    assert problem in raised.value.message
    assert remedy in raised.value.remedy
    assert "spent.burst.sql" in raised.value.message


def test_callers_of_one_entity_share_its_values_and_have_their_own(target: Target) -> None:
    text = (
        "-- callers: 6\n-- spread: 2\n"
        + CARD
        + "-- @entity shop uuid\n-- @caller key uuid\n"
        + CALL
    )
    deal = Deal.of(burst(target, HEAD + text), 6, 1)
    assert len({each["card"] for each in deal.callers}) == 1
    assert [each["shop"] for each in deal.callers] == [
        deal.entities[at]["shop"] for at in (0, 0, 0, 1, 1, 1)
    ]
    assert len({each["key"] for each in deal.callers}) == 6
    assert [entity for entity, _, _ in deal.parts()] == [0, 0, 0, 1, 1, 1]


def test_kinds_of_call_are_dealt_by_weight_to_each_entity(target: Target) -> None:
    look = "-- @call look\nselect gift.look(:card);\n"
    text = "-- callers: 12\n-- spread: 3\n" + CARD + CALL.replace("redeem\n", "redeem times 3\n", 1)
    deal = Deal.of(burst(target, HEAD + text + look), 12, 1)
    dealt = [(entity, call.operation) for entity, call, _ in deal.parts()]
    for entity in range(3):
        assert sorted(name for at, name in dealt if at == entity) == ["look", *["redeem"] * 3]


def test_the_same_seed_draws_the_same_values_and_another_seed_others(target: Target) -> None:
    chosen = burst(target, HEAD + CARD + "-- @caller key text\n" + CALL)
    assert Deal.of(chosen, 5, 3) == Deal.of(chosen, 5, 3)
    assert Deal.of(chosen, 5, 3).callers != Deal.of(chosen, 5, 4).callers


def test_arguments_are_found_by_laying_the_statement_beside_the_template() -> None:
    template = "select * from gift.f(:cards, :amount, :note)"
    assert arguments_in("SELECT * FROM gift.f(array[:a, :b], g(1, 2), 'x(,')", template) == {
        "cards": "array[:a, :b]",
        "amount": "g(1, 2)",
        "note": "'x(,'",
    }
    assert arguments_in("select * from gift.f(:a, 5)", template) == {"cards": ":a", "amount": "5"}
    assert arguments_in("select f.left from gift.f(:a, 5) as f", template) == {}
    assert arguments_in("select * from gift.f(:a, 5) as f", template) == {
        "cards": ":a",
        "amount": "5",
    }
    assert arguments_in("select * from gift.f(:a, 5) where false", template) == {}
    assert arguments_in("select * from gift.g(:a, 5)", template) == {}
    assert arguments_in("select * from gift.f()", template) == {}


def test_other_callers_than_the_file_says_have_to_fit_its_spread(target: Target) -> None:
    chosen = burst(target, HEAD + "-- spread: 4\n" + CARD + CALL)
    assert callers_of(chosen, None) == 100
    assert callers_of(chosen, 8) == 8
    for wrong in (7, 501):
        with pytest.raises(CrossfootError, match=f"{wrong} callers on 4 entities") as raised:
            callers_of(chosen, wrong)
        assert "8 to 500" in raised.value.remedy


def test_a_name_that_no_burst_has_is_answered_with_those_there_are(target: Target) -> None:
    burst(target, HEAD + CARD + CALL)
    assert [each.name for each in bursts_of(target, ["sp*"])] == ["spent"]
    with pytest.raises(CrossfootError, match="no burst 'spend'") as raised:
        with_bursts([target], ["spend"])
    assert raised.value.remedy == "Bursts: spent."
