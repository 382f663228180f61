"""How long calls took: exact percentiles of recorded times, none of them interpolated."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(times: Sequence[int], percent: float) -> int:
    """Return the least recorded time that ``percent`` of the times don't exceed (nearest rank).

    ``times`` may be in any order and of any unit; there has to be one.
    """
    ranked = sorted(times)
    # In integers: 0.99 * 100 is a little less than 99.
    rank = -(-len(ranked) * round(percent * 1000) // 100_000)
    return ranked[max(rank, 1) - 1]


def latencies(nanoseconds: Sequence[int]) -> dict[str, str]:
    """Return p50, p95, p99 and the maximum, as a report shows them; nothing of no times."""
    if not nanoseconds:
        return {}
    named = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "slowest": 100.0}
    return {
        f"latency {name}" if name != "slowest" else "slowest call": milliseconds(
            percentile(nanoseconds, percent)
        )
        for name, percent in named.items()
    }


def milliseconds(nanoseconds: int) -> str:
    """Return a duration as text, such as "12.34 ms"."""
    return f"{nanoseconds / 1e6:.2f} ms"
