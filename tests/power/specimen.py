"""A specimen: one mistake in one function, the same function without it, and a race for both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from explorer_ground import Ground, ground_of

from crossfoot.background import BackgroundServer
from crossfoot.explorer.race import Race, load_race
from crossfoot.headers import Header, read_header, read_text

FOLDER = Path(__file__).parent / "specimens"
FORMS = ("racy", "safe")

_KEYS = {"title", "class", "construct", "anomaly", "violates", "refused", "orders", "limit"}
_RACE_KEYS = ("expect", "compare", "isolation", "allow")
_SECTION = re.compile(r"^-- @(schema|racy|safe|alone|race)\s*$", re.MULTILINE)
_SCHEMA = re.compile(r"^create schema (\"[^\"]+\"|\w+)", re.MULTILINE | re.IGNORECASE)
_OPERATION = re.compile(r"^-- @call (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Specimen:
    """One file of specimens/.

    ``sections`` are its texts: ``schema``, ``racy``, ``safe`` (SQL), ``race`` (the sections of a race
    file, explored on both forms), ``alone`` (calls that are only compared with and without steps).
    """

    name: str
    header: Header
    sections: dict[str, str]

    @property
    def anomaly(self) -> str:
        """Return what the finding has to be called."""
        return self.header.one("anomaly")

    @property
    def violates(self) -> list[str]:
        """Return what the counterexample has to violate."""
        return sorted(self.header.each("violates")) or ["serial order"]

    @property
    def kind(self) -> str:
        """Return its class of mistake."""
        return self.header.one("class")

    @property
    def constructs(self) -> list[str]:
        """Return what of PL/pgSQL and SQL it is about."""
        return self.header.many("construct")

    @property
    def enumerable(self) -> bool:
        """Say whether all its orders are few enough to be run without any reduction."""
        return self.header.one("orders", "") == "few"

    def limits(self, what: str) -> list[pytest.MarkDecorator]:
        """Return the marks of a test that is known to fail, always or (``what sometimes``) at times.

        Tests are called ``racy``, ``safe``, and ``orders`` with the form.
        """
        said = dict(limit.split(": ", 1) for limit in self.header.each("limit"))
        names = {what: True, f"{what} sometimes": False}
        return [
            pytest.mark.xfail(reason=said[name], strict=strict)
            for name, strict in names.items()
            if name in said
        ]

    def sql(self, form: str) -> str:
        """Return the SQL of a form."""
        return self.sections["schema"] + self.sections[form]

    def target(self, form: str, folder: Path) -> Path:
        """Write the form as a target; return its target.toml."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "functions.sql").write_text(self.sql(form), encoding="utf-8")
        schemas = [name.strip('"') for name in _SCHEMA.findall(self.sections["schema"])]
        refused = ", ".join(f"'{pattern}'" for pattern in self.header.each("refused"))
        lines = [
            f'[target]\nname = "{self.name}"\nabout = "A specimen"\nsql = ["functions.sql"]',
            f"schemas = [{', '.join(repr(schema) for schema in schemas)}]",
        ]
        for operation in dict.fromkeys(_OPERATION.findall(self.sections["race"])):
            lines.append(f'[operations.{operation}]\ncall = "select 1"\nrefused = [{refused}]')
        path = folder / "target.toml"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def write_race(self, folder: Path) -> Path:
        """Write the race of both forms; return its file."""
        header = [f"-- title: {self.header.one('title')}"]
        header += [f"-- {key}: {said}" for key in _RACE_KEYS for said in self.header.each(key)]
        path = folder / f"{self.name}.race.sql"
        path.write_text("\n".join(header) + "\n" + self.sections["race"], encoding="utf-8")
        return path


def load(path: Path) -> Specimen:
    """Read one file. Raises ContentError or KeyError for what is missing."""
    text = read_text(path)
    header = read_header(text, path.name)
    header.only({*_KEYS, *_RACE_KEYS})
    _, *parts = _SECTION.split(text)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    assert {"schema", *FORMS, "race"} <= sections.keys(), path.name
    return Specimen(path.stem, header, sections)


SPECIMENS = [load(path) for path in sorted(FOLDER.glob("*.sql"))]


def each(form: str) -> list[ParameterSet]:
    """Return a parameter for each specimen; what is known to fail is marked so."""
    return [pytest.param(one, id=one.name, marks=one.limits(form)) for one in SPECIMENS]


@contextmanager
def opened(
    server: BackgroundServer, specimen: Specimen, form: str, folder: Path
) -> Iterator[tuple[Ground, Race]]:
    """Yield one form of a specimen with an explorer, and its race."""
    target = specimen.target(form, folder / form)
    with ground_of(server, target, folder / form, arenas=1) as ground:
        yield ground, load_race(specimen.write_race(ground.folder), ground.target, 1)
