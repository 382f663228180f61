"""What target.toml says about figures: how one is counted from the calls, and what it should be."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

# What every load has, without a word in target.toml. Those of audits name the audit.
EVERYWHERE = (
    "calls_per_second",
    "latency_p50_ms",
    "latency_p95_ms",
    "latency_p99_ms",
    "ok_percent",
    "refused_percent",
    "retryable_percent",
    "unknown_percent",
    "error_percent",
    "retried_percent",
    "waiting_for_locks",
)
AUDITED = {
    "drift_accounts": "balance_equals_entries",
    "negative_balances": "balance_not_negative",
}
# Thresholds that hold for every scenario. The service's monitors read them too, and measure some
# of these themselves.
ALWAYS = "monitoring"

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_ONE_SIDED = re.compile(r"(<=|>=|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_BETWEEN = re.compile(r"(-?\d+(?:\.\d+)?) to (-?\d+(?:\.\d+)?)")
_NONE = "none"
_VALUE = r"(:\w+|result\.\w+)"
_CONDITION = re.compile(r"(outcome|sqlstate|result\.\w+)\s*=\s*(.+)")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Threshold(_Table):
    """What a measured figure is expected to be, and when somebody should be called.

    Both are ``"< 5"`` (or <=, >, >=, =), ``"5 to 10"`` (both included) or ``"none"``.
    """

    expect: str
    alert: str = _NONE

    @field_validator("expect", "alert")
    @classmethod
    def _well_formed(cls, said: str) -> str:
        if said != _NONE and not (_ONE_SIDED.fullmatch(said) or _BETWEEN.fullmatch(said)):
            raise ValueError(f"{said!r} is neither '< 5' nor '5 to 10' nor 'none'")
        return said

    def expects(self, value: float) -> bool:
        """Say whether a value is as expected; without an expectation every value is."""
        return self.expect == _NONE or _holds(self.expect, value)

    def alerts(self, value: float) -> bool:
        """Say whether somebody should be called at this value."""
        return self.alert != _NONE and _holds(self.alert, value)


def _holds(said: str, value: float) -> bool:
    if one := _ONE_SIDED.fullmatch(said):
        return _COMPARE[one[1]](value, float(one[2]))
    two = _BETWEEN.fullmatch(said)
    assert two
    return float(two[1]) <= value <= float(two[2])


class Span(_Table):
    """From the start of one call to the end of another that belongs to it and ends ok.

    ``by`` says which belong together: ``"result.id = :purchase_id"`` is a column of the first one's
    answer and an argument of the second. The first ok of several counts.
    """

    first: str = Field(alias="from")
    to: str
    by: str = Field(pattern=rf"^{_VALUE} = {_VALUE}$")


class FigureOf(_Table):
    """How a figure is counted from the calls of a run, or from its audits.

    One of three. ``share`` is in percent: of the calls of the operations ``of``, those of which one of
    these conditions holds (``"outcome = refused"``, ``"result.already_added = true"``; the value is a
    glob). With ``per`` it is of the calls of these operations instead, for an attempt that takes
    several calls of which only the first is sure to be made. ``spans`` and ``took`` are in seconds,
    what 95 in 100 stay within: from one call to another, or how long a call of one of these operations
    took that ended ok. ``audit`` is how many rows an audit found. Operations are globs too; requests
    to the service are called "POST /path".
    """

    about: str = ""
    share: list[str] = Field(default_factory=list)
    of: list[str] = Field(default_factory=list)
    per: list[str] = Field(default_factory=list)
    spans: list[Span] = Field(default_factory=list)
    took: list[str] = Field(default_factory=list)
    audit: str = ""

    @field_validator("share")
    @classmethod
    def _conditions(cls, share: list[str]) -> list[str]:
        for condition in share:
            if not _CONDITION.fullmatch(condition):
                raise ValueError(
                    f"{condition!r} is neither 'outcome = refused' nor 'result.column = value'"
                )
        return share

    @model_validator(mode="after")
    def _one_of_three(self) -> FigureOf:
        ways = [bool(self.share), bool(self.spans or self.took), bool(self.audit)]
        if sum(ways) != 1:
            raise ValueError("a figure has either 'share', or 'spans' and 'took', or 'audit'")
        if bool(self.share) != bool(self.of) or (self.per and not self.of):
            raise ValueError("'share' goes with 'of', the operations of whose calls it is a share")
        return self

    @property
    def unit(self) -> str:
        """Return what it is counted in: ``%``, ``s`` or nothing."""
        return "%" if self.share else "s" if self.spans or self.took else ""


def condition(said: str) -> tuple[str, str]:
    """Return a condition of ``share`` as the name of a value and the glob that it has to match."""
    match = _CONDITION.fullmatch(said)
    assert match
    return match[1], match[2].strip().strip("'")


def unknown_threshold(
    thresholds: Mapping[str, Mapping[str, Threshold]], figures: Mapping[str, FigureOf]
) -> str:
    """Return "SCENARIO.FIGURE: no such figure" for the first threshold that nothing measures."""
    known = {*figures, *EVERYWHERE, *AUDITED, *thresholds.get(ALWAYS, {})}
    for scenario, named in thresholds.items():
        for name in named:
            if scenario != ALWAYS and name not in known:
                return f"{scenario}.{name}: no such figure; there are: {', '.join(sorted(known))}"
    return ""
