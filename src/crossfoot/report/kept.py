"""What a run leaves for each finding beside its report: a race file to commit, a script for psql."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from crossfoot.results import Check, Finding, Run, TargetResult

FOLDER = "regressions"
_RACE, _SCRIPT = "_again.race.sql", "_by_hand.sql"


def files_of(target: TargetResult, check: Check, finding: Finding) -> dict[str, str]:
    """Return the files of a finding, relative to the run's folder, with their texts.

    They lie in ``regressions/<target>/``, as races lie in ``scenarios/races/<target>/``.
    """
    name = target.name.partition(" ")[0]  # of a broken variant: "lead_marketplace with ..."
    number = check.findings.index(finding)
    stem = f"{FOLDER}/{name}/{check.name}{f'_{number + 1}' if number else ''}"
    texts = {f"{stem}{_RACE}": finding.regression_race, f"{stem}{_SCRIPT}": finding.script}
    return {file: text for file, text in texts.items() if text}


def keep(run: Run, folder: Path) -> None:
    """Write the files of all findings below ``folder``."""
    for file, text in _files(run):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def kept(run: Run, folder: Path) -> list[tuple[str, str]]:
    """Return what lies in a run's folder to be kept: what it is, and the file, or a glob of many."""
    found: list[tuple[str, str]] = []
    for what, suffix in (("Race to commit", _RACE), ("Script for psql", _SCRIPT)):
        files = [file for file, _ in _files(run) if file.endswith(suffix)]
        if len(files) == 1:
            found.append((what, f"{folder / files[0]}"))
        elif files:
            found.append((f"{what}, {len(files)} times", f"{folder / FOLDER}/*/*{suffix}"))
    return found


def _files(run: Run) -> Iterator[tuple[str, str]]:
    for target in run.targets:
        for check in target.checks:
            for finding in check.findings:
                yield from files_of(target, check, finding).items()
