"""A rolling monitor per system: reads its figures every few seconds, and says when one is wrong.

It only reads, in one snapshot per system. A figure that can't be read is unknown, which is an alert
too: silence would look like health.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from service.bindings import System, load_systems
from service.context import Context, Here
from service.logs import where
from service.openmetrics import MEDIA_TYPE, exposition

router = APIRouter(tags=["monitoring"])

UNREADABLE = "unreadable"


class Reading(BaseModel):
    """One figure as it was read."""

    figure: str
    value: float | None
    expect: str
    alert: str
    alerting: bool
    subjects: list[str] = []


class SystemReading(BaseModel):
    """The figures of one system. ``age_seconds`` is None before the first reading."""

    system: str
    age_seconds: float | None
    readings: list[Reading]


@dataclass
class Monitor:
    """Watches one system."""

    system: System
    here: Context
    last: list[Reading] = field(default_factory=list)
    read_at: float | None = None
    _alerting: set[str] = field(default_factory=set)

    async def read(self) -> list[Reading]:
        """Read every figure now, and log alerts that have begun or ended."""
        try:
            found = await self._stored()
        except Exception as error:
            self.here.log.error("monitor_failed", system=self.system.name, **where(error))
            found = [Reading(figure=UNREADABLE, value=None, expect="", alert="", alerting=True)]
        self.last, self.read_at = [*found, *self._measured()], time.monotonic()
        self._tell()
        return self.last

    def report(self) -> SystemReading:
        """Return what was read last."""
        age = None if self.read_at is None else round(time.monotonic() - self.read_at, 3)
        return SystemReading(system=self.system.name, age_seconds=age, readings=self.last)

    async def _stored(self) -> list[Reading]:
        window = self.here.settings.monitor_window
        readings = []
        async with (
            self.here.pool.acquire(timeout=self.here.settings.retry.patience) as session,
            session.transaction(isolation="repeatable_read", readonly=True),
        ):
            for name, sql in self.system.figures.items():
                row = await session.fetchrow(sql.replace(":window", f"{window:f}"))
                readings.append(self._reading(name, float(row["value"]), row["subjects"] or []))
        return readings

    def _measured(self) -> list[Reading]:
        found = self.here.measures.figures(self.system.name)
        return [
            self._reading(name, found[name], []) for name in self.system.measured if name in found
        ]

    def _reading(self, name: str, value: float, subjects: list[str]) -> Reading:
        threshold = self.system.threshold(name)
        alerting = threshold.is_passed(value)
        return Reading(
            figure=name,
            value=value,
            expect=threshold.expect,
            alert=threshold.alert,
            alerting=alerting,
            subjects=list(subjects) if alerting else [],
        )

    def _tell(self) -> None:
        now = {each.figure: each for each in self.last if each.alerting}
        for name in sorted(now.keys() - self._alerting):
            self.here.log.error("alert", system=self.system.name, **now[name].model_dump())
        for name in sorted(self._alerting - now.keys()):
            self.here.log.info("alert_over", system=self.system.name, figure=name)
        self._alerting = set(now)


def monitors_of(here: Context) -> list[Monitor]:
    """Return a monitor for each system."""
    return [Monitor(system, here) for system in load_systems()]


@router.get("/monitors")
async def monitors(here: Here) -> list[SystemReading]:
    """Show the last readings."""
    return [monitor.report() for monitor in here.monitors]


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
async def metrics(here: Here) -> Response:
    """Show the last readings, and how requests ended, as OpenMetrics."""
    reports: list[Any] = [monitor.report() for monitor in here.monitors]
    return Response(exposition(reports, here.measures.requests), media_type=MEDIA_TYPE)
