"""What the terminal shows while a run goes on."""

from __future__ import annotations

import pytest

from crossfoot.cli.show import Screen
from crossfoot.results import Check, Kind
from crossfoot.verdicts import Verdict


def undecided(kind: Kind, name: str, reason: str) -> Check:
    return Check(kind=kind, name=name, title="A sentence", verdict=Verdict.UNKNOWN, reason=reason)


def test_what_could_not_be_decided_is_told_once_for_each_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen()
    for name in ("one", "two", "three", "four", "five"):
        screen.check(undecided(Kind.AUDIT, name, "'hold' isn't bound."))
    screen.check(undecided(Kind.LINT, "six", "'hold' isn't bound."))
    screen.check(undecided(Kind.AUDIT, "seven", "there is no entry"))
    assert capsys.readouterr().out == ""
    screen.stage("gift_cards", "races", 2)
    assert capsys.readouterr().out.splitlines() == [
        "  unknown audit one, two, three and 2 more  'hold' isn't bound.",
        "  unknown lint six  'hold' isn't bound.",
        "  unknown audit seven  there is no entry",
        "gift_cards: races (2)",
    ]
    screen.stage("gift_cards", "bursts", 2)
    assert capsys.readouterr().out == "gift_cards: bursts (2)\n"
