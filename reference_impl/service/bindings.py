"""What the service reads of a system's target.toml: its relations and its thresholds."""

from __future__ import annotations

import operator
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.figures import FIGURES, MEASURED, Figure

_FOLDER = Path(__file__).parents[1]
_COMPARE = {">": operator.gt, "<": operator.lt, "=": operator.eq}


@dataclass(frozen=True)
class Threshold:
    """What a figure should be (``expect``) and when somebody is to be called (``alert``)."""

    expect: str
    alert: str

    def is_passed(self, value: float) -> bool:
        """Say whether somebody is to be called."""
        match = re.fullmatch(r"([<>=])\s*(\d+(?:\.\d+)?)", self.alert)
        return bool(match and _COMPARE[match[1]](value, float(match[2])))


@dataclass(frozen=True)
class System:
    """One system, as its monitor sees it."""

    name: str
    relations: Mapping[str, str]
    thresholds: Mapping[str, Threshold]

    @property
    def figures(self) -> dict[str, str]:
        """Return the SQL of each figure that the system has."""
        return {name: self._sql(figure) for name, figure in FIGURES.items() if self._has(figure)}

    def threshold(self, figure: str) -> Threshold:
        """Return what target.toml says about a figure, or else the usual."""
        usual = FIGURES[figure].alert if figure in FIGURES else "none"
        return self.thresholds.get(figure, Threshold("", usual))

    @property
    def measured(self) -> tuple[str, ...]:
        """Return the figures that the service measures itself."""
        return MEASURED.get(self.name, ())

    def _has(self, figure: Figure) -> bool:
        return figure.system in (None, self.name) and all(
            name in self.relations for name in figure.needs
        )

    def _sql(self, figure: Figure) -> str:
        bound = ", ".join(
            f"{name} as not materialized ({self.relations[name]})" for name in figure.needs
        )
        return f"with {bound} select * from ({figure.sql}) as figure" if bound else figure.sql


def load_systems(folder: Path = _FOLDER) -> list[System]:
    """Return the systems beside the service."""
    return [_load(path) for path in sorted(folder.glob("*/target.toml"))]


def _load(path: Path) -> System:
    target = tomllib.loads(path.read_text(encoding="utf-8"))
    monitored = target.get("thresholds", {}).get("monitoring", {})
    thresholds = {
        name: Threshold(each["expect"], each["alert"]) for name, each in monitored.items()
    }
    return System(target["target"]["name"], target["relations"], thresholds)
