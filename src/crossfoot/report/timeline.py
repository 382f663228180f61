"""An interleaving as a grid: a row per step, a cell per session, and who is waiting where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crossfoot.results import Lanes, LaneStep


class Presence(StrEnum):
    """What a session is doing while another one acts."""

    AWAY = "away"
    OPEN = "open"
    WAITING = "waiting"


@dataclass(frozen=True)
class Cell:
    """One session at one row: what it was doing before, its step if it is the one that acts, and
    what it is doing after.
    """

    before: Presence
    step: LaneStep | None
    after: Presence


@dataclass(frozen=True)
class Row:
    """One step: ``cells`` are parallel to the sessions of the timeline, one of them holds it."""

    step: LaneStep
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Timeline:
    """The grid of one interleaving."""

    sessions: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def waits(self) -> bool:
        """Say whether any session waits for a lock in it."""
        return any(cell.after is Presence.WAITING for row in self.rows for cell in row.cells)


@dataclass(frozen=True)
class Telling:
    """A step in words: what kind of step it is, what ran, and what came of it; "" where unsaid."""

    lead: str
    text: str
    note: str


_LEADS = {
    "call": "call",
    "step": "",
    "wait": "waits for a lock",
    "wake": "goes on",
    "timeout": "loses patience",
    "return": "returns",
    "commit": "commits",
    "rollback": "rolls back",
    "error": "fails",
}
_STEMS = {
    "call": "call",
    "wait": "wait",
    "wake": "goes on",
    "timeout": "loses patience",
    "return": "return",
    "commit": "commit",
    "rollback": "roll",
    "error": "error",
}


def timeline(lanes: Lanes) -> Timeline:
    """Return the grid of ``lanes``. A session that only a step names gets a column at the end."""
    named = dict.fromkeys([*lanes.sessions, *(step.session for step in lanes.steps)])
    sessions = tuple(named)
    doing = dict.fromkeys(sessions, Presence.AWAY)
    rows = []
    for index, step in enumerate(lanes.steps):
        after = doing | {step.session: _after(step, lanes.steps[index + 1 :])}
        rows.append(
            Row(
                step,
                tuple(
                    Cell(doing[name], step if name == step.session else None, after[name])
                    for name in sessions
                ),
            )
        )
        doing = after
    return Timeline(sessions, tuple(rows))


def telling(step: LaneStep) -> Telling:
    """Return ``step`` in words. Its kind isn't said twice: text or note may say it already."""
    lead, stem = _LEADS[step.kind], _STEMS.get(step.kind)
    if not step.text or step.text == step.kind:
        return _bare(step, lead, stem)
    said = [step.text, step.note] if step.kind == "wait" else [step.text]
    if stem is None or any(part.lower().startswith(stem) for part in said):
        lead = ""
    return Telling(lead, step.text, step.note)


def _bare(step: LaneStep, lead: str, stem: str | None) -> Telling:
    """Return a step that names no statement in words: what came of it stands in the first line."""
    if stem and step.note.lower().startswith(stem):
        return Telling(step.note, "", "")
    if step.kind in ("return", "error"):
        return Telling(lead, step.note, "")
    return Telling(lead, "", step.note)


def _after(step: LaneStep, later: list[LaneStep]) -> Presence:
    """Return what the session does after ``step``: inside a transaction, waiting, or neither."""
    own = [item.kind for item in later if item.session == step.session]
    if step.kind == "wait":
        return Presence.WAITING
    if step.kind in ("commit", "rollback") or not own:
        return Presence.AWAY
    if step.kind == "error" and own[0] != "rollback":
        return Presence.AWAY
    if step.kind == "return" and own[0] == "call" and not {"commit", "rollback"} & {*own}:
        return Presence.AWAY
    return Presence.OPEN
