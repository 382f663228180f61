"""Figures held against what target.toml expects of them. What should have called somebody is a finding."""

from __future__ import annotations

from collections.abc import Mapping

from crossfoot.figures.bindings import ALWAYS, Threshold
from crossfoot.results import Check, Figure, Figures, Finding
from crossfoot.target import Target
from crossfoot.verdicts import Verdict

ANOMALY = "missed threshold"


def thresholds_of(target: Target, scenario: str) -> Mapping[str, Threshold]:
    """Return what a scenario's figures should be: those of ``monitoring``, and its own in their place."""
    return {**target.thresholds.get(ALWAYS, {}), **target.thresholds.get(scenario, {})}


def hold(check: Check, figures: Figures, target: Target) -> None:
    """Put figures into the check of a load, and fail it at each that asks for an alert.

    That says nothing about the properties of the system: a load that is only slow leaves its ledger
    in order. So a check that fails by its figures alone speaks about none of them.
    """
    check.figures = figures
    if missed := judge(figures, target, check.name):
        if check.verdict is not Verdict.FAIL:
            check.properties = []
        check.findings += missed
        check.verdict = Verdict.FAIL


def judge(figures: Figures, target: Target, scenario: str) -> list[Finding]:
    """Note beside each figure what it should be; return a finding for each that asks for an alert."""
    found = []
    thresholds = thresholds_of(target, scenario)
    for figure in figures.measured:
        threshold = thresholds.get(figure.name)
        if threshold is None:
            continue
        figure.expect, figure.alert = threshold.expect, threshold.alert
        if figure.value is None:
            continue
        if threshold.alerts(figure.value):
            figure.standing = "alert"
            found.append(_finding(figure))
        else:
            figure.standing = "expected" if threshold.expects(figure.value) else "unexpected"
    return found


def shown(figure: Figure) -> str:
    """Return a figure's value with its unit, as reports show it."""
    if figure.value is None:
        return "not measured"
    unit = f" {figure.unit}" if figure.unit else ""
    return f"{figure.value:,.6g}".replace(",", "") + unit


def _finding(figure: Figure) -> Finding:
    by = "an audit" if not figure.unit and figure.samples == 1 else f"{figure.samples} samples"
    about = f"{figure.about.rstrip('.')}. " if figure.about else ""
    return Finding(
        subject=figure.name,
        summary=f"{figure.name} is {shown(figure)}, and {figure.alert} asks for an alert",
        explanation=f"{about}Expected was {figure.expect}; it was measured by {by}.",
        anomaly=ANOMALY,
        violates=[f"threshold {figure.name} {figure.alert}"],
    )
