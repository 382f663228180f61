"""Gaps that somebody decided to live with: mutants.toml, beside target.toml.

A guard is named as in the output, without its line: lines move. A reason that fits no gap any more
is an error, so that the file can't say more than is true.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crossfoot.errors import ContentError
from crossfoot.headers import read_text
from crossfoot.mutate.mutants import Mutant
from crossfoot.results import Kill
from crossfoot.target import Target
from crossfoot.verdicts import Verdict


class Meant(BaseModel):
    """A guard whose removal needn't be noticed, and why."""

    model_config = ConfigDict(extra="forbid")

    guard: str
    reason: str = Field(min_length=1)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    meant: list[Meant] = Field(default_factory=list)


def load_meant(target: Target) -> list[Meant]:
    """Read the target's mutants.toml, if there is one. Raises ContentError naming what is wrong."""
    path = _path(target)
    if not path.is_file():
        return []
    shown = target.content.relative(path)
    try:
        return _File.model_validate(tomllib.loads(read_text(path))).meant
    except tomllib.TOMLDecodeError as error:
        raise ContentError(f"{shown}: not TOML: {error}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in problem["loc"])
        raise ContentError(
            f"{shown}: [{key}] {problem['msg']}",
            remedy="It holds [[meant]] tables with guard and reason.",
        ) from error


def check_meant(meant: Sequence[Meant], mutants: Sequence[Mutant], target: Target) -> None:
    """Raise ContentError for a reason whose guard isn't there any more."""
    there = {mutant.guard for mutant in mutants}
    for each in meant:
        if each.guard not in there:
            raise ContentError(
                f"{target.content.relative(_path(target))}: no guard {each.guard!r}",
                remedy="Take it out, or name the guard as the output does, without its line.",
            )


def apply_meant(
    meant: Sequence[Meant], kills: Sequence[Kill], guards: Mapping[str, str], target: Target
) -> None:
    """Mark the gaps that are meant; ``guards`` are the guards' names by those of the mutants.

    Raises ContentError for a reason whose guard ran and is no gap.
    """
    by_guard = {guards[kill.variant]: kill for kill in kills}
    for each in meant:
        kill = by_guard.get(each.guard)
        if kill is None:
            continue
        if kill.fate != "gap":
            raise ContentError(
                f"{target.content.relative(_path(target))}: {each.guard!r} is no gap any more:"
                f" {kill.fate}",
                remedy="Take it out.",
            )
        kill.fate, kill.verdict, kill.reason = "meant", Verdict.PASS, each.reason


def _path(target: Target) -> Path:
    return target.file.parent / "mutants.toml"
