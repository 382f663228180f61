"""Locustfiles as content: where they lie and what they say, read as text.

Importing one would import Locust, and that replaces this process's sockets and threads.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crossfoot.content import Content
from crossfoot.errors import ContentError
from crossfoot.headers import read_text
from crossfoot.load.population import FILE, load_population
from crossfoot.target import Target, find_targets

_FOLDER = Path(FILE).parent


@dataclass(frozen=True)
class Scenario:
    """A locustfile and the targets that it makes calls of. ``about`` is its docstring."""

    name: str
    file: Path
    about: str
    targets: tuple[Target, ...]

    @property
    def title(self) -> str:
        """Return the first line of the docstring, without its full stop."""
        return self.about.splitlines()[0].rstrip(".") if self.about else self.name


def find_scenario(target: str | None, name: str | None) -> Scenario:
    """Return the scenario of this name, or the target's own. Raises ContentError.

    Without a target it is one that makes calls of every target that has a population.
    """
    if target is None and name is None:
        known = ", ".join(each.name for each in find_targets([]))
        raise ContentError("load what?", remedy=f"Name a target ({known}), or give --scenario.")
    targets = find_targets([target] if target else [])
    file = _file(targets[0].content, name or targets[0].name)
    if target is None:
        targets = [each for each in targets if _has_population(each)]
    about = ast.get_docstring(ast.parse(read_text(file))) or ""
    return Scenario(file.stem, file, about, tuple(targets))


def _file(content: Content, name: str) -> Path:
    folder = content.root / _FOLDER
    for path in (folder / f"{name}.py", Path(name)):
        if path.suffix == ".py" and path.is_file():
            return path
    raise ContentError(f"no load scenario {name!r}", remedy=_known(_names(folder)))


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def _known(names: Sequence[str]) -> str:
    return (
        f"There are: {', '.join(names)}."
        if names
        else f"A locustfile belongs into {_FOLDER.as_posix()}/, or give its path with --scenario."
    )


def _has_population(target: Target) -> bool:
    try:
        load_population(target, 1)
    except ContentError:
        return False
    return True
