"""Targets are worked on side by side, and told of one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

from crossfoot.listening import Silent, Turn
from crossfoot.results import Exploration


@dataclass
class Notes(Silent):
    """A listener that writes down which stages it was told of, and which races."""

    heard: list[str] = field(default_factory=list)

    def stage(self, target: str, stage: str, total: int) -> None:
        self.heard.append(f"{target}: {stage} ({total})")

    def exploring(self, race: str, done: Exploration, left: int) -> None:
        self.heard.append(race)


def test_who_is_not_first_is_heard_when_its_turn_comes_and_then_at_once() -> None:
    notes = Notes()
    first, second = Turn(notes), Turn(notes)
    first.come()
    second.stage("b", "races", 2)
    first.stage("a", "races", 1)
    assert notes.heard == ["a: races (1)"]
    second.come()
    assert notes.heard == ["a: races (1)", "b: races (2)"]
    second.stage("b", "bursts", 3)
    assert notes.heard[-1] == "b: bursts (3)"


def test_the_live_line_shows_only_whose_turn_it_is() -> None:
    notes = Notes()
    first, second = Turn(notes), Turn(notes)
    first.come()
    second.exploring("hers", Exploration(), 0)
    first.exploring("his", Exploration(), 0)
    second.come()
    assert notes.heard == ["his"]
