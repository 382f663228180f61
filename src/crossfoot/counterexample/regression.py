"""The race file that keeps a finding from coming back: the race, with the failing schedule pinned."""

from __future__ import annotations

import re

from crossfoot.counterexample.pinned import Pinned, Recorder
from crossfoot.explorer.arena import Arena, NotDeterministicError, Policy
from crossfoot.explorer.race import Race, Turn
from crossfoot.explorer.stillness import StuckError
from crossfoot.results import Finding

_SECTION = re.compile(r"^\s*--\s*@(\w+)\b\s*(.*?)\s*$")
_KEY = re.compile(r"^--\s{0,2}([a-z][a-z-]*):")
_OURS = {"expect", "isolation", "replay"}
SUFFIX = "_again"  # what its file is called after the race's own


async def regression_race(race: Race, arena: Arena, policy: Policy, finding: Finding) -> str:
    """Return the text of the race file; "" for a race that has no file of its own.

    ``policy`` runs the failing schedule, once more.
    """
    if not race.text:
        return ""
    recorder = Recorder(policy)
    try:
        trace = await arena.run(race, recorder)
        turns = recorder.turns(race)
        pinned = await arena.run(race, Pinned(turns, [each.name for each in race.sessions]))
    except (NotDeterministicError, StuckError):
        return ""
    return written(race, turns if pinned.choices == trace.choices else (), finding)


def written(race: Race, turns: tuple[Turn, ...], finding: Finding) -> str:
    """Return the race's file with these turns in its header, without the sessions left out."""
    lines = race.text.splitlines()
    end = next(
        (at for at, line in enumerate(lines) if not line.startswith("--") or _SECTION.match(line)),
        len(lines),
    )
    keys, about = _header(lines[:end])
    pinned = [f"-- replay: {turn}" for turn in turns]
    expected = [f"-- expect: {each.told}" for each in race.expectations]
    level = [f"-- isolation: {race.isolation}"] if race.isolation != "read committed" else []
    kept = ["--", f"-- Kept after a finding: {finding.summary}", *(["--"] if about else []), *about]
    return (
        "\n".join([*keys, *expected, *level, *pinned, *kept, *_sections(race, lines[end:])]) + "\n"
    )


def _header(lines: list[str]) -> tuple[list[str], list[str]]:
    """Return the lines of the keys that stay as they are, and those of the prose."""
    at = next((at for at, line in enumerate(lines) if line.rstrip() == "--"), len(lines))
    kept: list[str] = []
    ours = False
    for line in lines[:at]:
        if match := _KEY.match(line):
            ours = match[1] in _OURS
        if not ours:
            kept.append(line)
    return kept, lines[at + 1 :]


def _sections(race: Race, lines: list[str]) -> list[str]:
    """Return the sections, without those of sessions that the race hasn't."""
    names = {session.name for session in race.sessions}
    kept: list[str] = []
    leaving, number = False, 0
    for line in lines:
        if (match := _SECTION.match(line)) and match[1] not in {"call", "let"}:
            number += match[1] == "session"
            leaving = match[1] == "session" and (match[2] or f"session {number}") not in names
        if not leaving:
            kept.append(line)
    return kept
