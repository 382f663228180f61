"""Readings as OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.monitors import SystemReading

MEDIA_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def exposition(
    reports: Iterable[SystemReading], requests: Mapping[tuple[str, str, int], int]
) -> str:
    """Return the whole text. ``requests`` counts by method, route and status."""
    reports = list(reports)
    return "\n".join([*_figures(reports), *_ages(reports), *_requests(requests), "# EOF\n"])


def _figures(reports: list[SystemReading]) -> Iterator[str]:
    yield "# TYPE crossfoot_figure gauge"
    yield "# HELP crossfoot_figure A figure of a system, as it was read last."
    for report in reports:
        for each in report.readings:
            if each.value is not None:
                yield f"crossfoot_figure{_labels(report.system, each.figure)} {each.value:g}"
    yield "# TYPE crossfoot_alert gauge"
    yield "# HELP crossfoot_alert Whether a figure calls for somebody."
    for report in reports:
        for each in report.readings:
            yield f"crossfoot_alert{_labels(report.system, each.figure)} {int(each.alerting)}"


def _ages(reports: list[SystemReading]) -> Iterator[str]:
    yield "# TYPE crossfoot_reading_age_seconds gauge"
    yield "# UNIT crossfoot_reading_age_seconds seconds"
    yield "# HELP crossfoot_reading_age_seconds How long ago a system was read."
    for report in reports:
        if report.age_seconds is not None:
            labels = f'{{system="{report.system}"}}'
            yield f"crossfoot_reading_age_seconds{labels} {report.age_seconds:g}"


def _requests(requests: Mapping[tuple[str, str, int], int]) -> Iterator[str]:
    yield "# TYPE crossfoot_requests counter"
    yield "# HELP crossfoot_requests Requests that were answered."
    for (method, route, status), count in sorted(requests.items()):
        labels = f'{{method="{method}",route="{route}",status="{status}"}}'
        yield f"crossfoot_requests_total{labels} {count}"


def _labels(system: str, figure: str) -> str:
    return f'{{system="{system}",figure="{figure}"}}'
