"""A replay token says a whole schedule in one word, and reads back as what was written."""

from __future__ import annotations

from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossfoot.errors import CrossfootError
from crossfoot.explorer.race import LEVELS
from crossfoot.explorer.token import Token

names = st.from_regex(r"[a-z0-9_]+", fullmatch=True)
indexes = st.integers(0, 25)
tokens = st.builds(
    Token,
    target=names,
    race=names,
    seed=st.integers(0, 2**63),
    choices=st.lists(st.integers(-26, 25), max_size=30).map(tuple),
    variant=st.one_of(st.just(""), names),
    unmasked=st.booleans(),
    without=st.lists(indexes, max_size=3, unique=True).map(sorted).map(tuple),
    isolation=st.sampled_from(["", *LEVELS]),
).map(lambda token: token if token.variant else Token(**{**vars(token), "unmasked": False}))


@given(tokens)
def test_a_token_reads_back_as_what_was_written(token: Token) -> None:
    assert Token.parse(str(token)) == token
    assert Token.parse(f"  {token}\n") == token


@given(tokens, tokens)
def test_two_schedules_never_share_a_token(one: Token, other: Token) -> None:
    assert (str(one) == str(other)) is (one == other)


@given(tokens)
def test_a_token_is_one_word_that_a_shell_leaves_alone_in_a_script(token: Token) -> None:
    assert set(str(token)) <= set("abcdefghijklmnopqrstuvwxyz0123456789_+-~!@" + ascii_uppercase)
    assert not str(token).startswith("-")


def test_runs_of_one_session_are_counted() -> None:
    token = Token("shop", "two_buyers", 7, (0, 1, 1, 1, 0, 2), "no_lock", True, (1, 3))
    assert str(token) == "cf1-shop+no_lock!-two_buyers~bd-7-ab3ac"


def test_who_loses_patience_is_a_capital_letter() -> None:
    token = Token("shop", "two_buyers", 1, (0, ~1, ~1, 1, ~0))
    assert str(token) == "cf1-shop-two_buyers-1-aB2bA"


def test_a_schedule_without_choices_has_a_token_too() -> None:
    token = Token("shop", "two_buyers", 1, ())
    assert str(token) == "cf1-shop-two_buyers-1-"
    assert Token.parse(str(token)) == token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cf1",
        "cf2-shop-race-1-ab",
        "cf1-shop-race-ab",
        "cf1-SHOP-race-1-ab",
        "cf1-shop-race-1-3a",
        "cf1-shop!-race-1-ab",
        "cf1-shop-race-1-ab extra",
        "cf1-shop-race~-1-ab",
        "crossfoot replay cf1-shop-race-1-ab",
        "cf1-shop-race-1-a-b",
        "cf1-shop-race-١-ab",
    ],
)
def test_what_is_no_token_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(CrossfootError, match="not a replay token") as raised:
        Token.parse(text)
    assert "cf1-" in raised.value.remedy


def test_a_token_with_a_huge_number_does_not_fill_the_memory() -> None:
    with pytest.raises(CrossfootError, match="not a replay token"):
        Token.parse("cf1-shop-race-1-a99999999999999")
