"""The calls of one scenario in one run, and what each figure of theirs is in every draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from crossfoot.figures.bootstrap import LEAST_CALLS, Flags, Floats, Slices, Whole, enough_for

Drawn = tuple[float, Floats]  # a figure, and what it is in each draw


@dataclass(frozen=True)
class Side:
    """Calls of one run, with the slices of time of the whole run.

    A burst has no slices of time: its calls go at one instant, and each is drawn by itself.
    """

    calls: pd.DataFrame
    slices: Slices
    burst: bool = False

    @classmethod
    def of(cls, calls: pd.DataFrame, random: np.random.Generator) -> Side:
        """Cut a run's calls, as frames have them, into slices; draw which slices count how often."""
        moments = calls["end"].fillna(calls["start"])
        first = float(calls["start"].min())
        calls = calls.assign(moment=moments - first)
        if _is_burst(calls):
            numbered = calls.assign(slice=np.arange(len(calls)))
            return cls(numbered, Slices.of_calls(len(calls), random), burst=True)
        slices = Slices.of(float(moments.max()) - first, random)
        if not slices.enough:
            return cls(calls.assign(slice=0), slices)
        return cls(calls.assign(slice=slices.numbers(calls["moment"].to_numpy())), slices)

    def only(self, operation: str, over: str) -> Side:
        """Return the calls of one operation, with the same slices and draws."""
        calls = self.calls
        chosen = (calls["operation"] == operation) & (calls["kind"] == over)
        return Side(calls[chosen], self.slices, self.burst)

    @property
    def operations(self) -> set[tuple[str, str]]:
        """Return which operations were called, and whether directly or over HTTP."""
        return set(zip(self.calls["operation"], self.calls["kind"], strict=True))

    @property
    def enough(self) -> bool:
        """Say whether there are calls enough, and slices, to say anything about them."""
        return self.slices.enough and len(self.calls) >= LEAST_CALLS

    def throughput(self) -> Drawn:
        """Return calls per second, and the same in each draw."""
        if self.burst:
            return self._burst_throughput()
        slices = self.slices
        seconds = slices.width * slices.count
        drawn = slices.sums(self._numbers) / seconds
        inside = int((self._moments < seconds).sum())
        return inside / seconds, drawn

    def _burst_throughput(self) -> Drawn:
        """Return calls per second from the common start to the last end."""
        weights = self.slices.weights[:, self._numbers]
        last = np.where(weights > 0, self._moments, 0.0).max(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn: Floats = weights.sum(axis=1) / last
        return len(self.calls) / float(self._moments.max()), drawn

    def rate(self, flags: Flags) -> Drawn:
        """Return the percentage of flagged calls, and the same in each draw."""
        numbers = self._numbers
        total = self.slices.sums(numbers)
        with np.errstate(invalid="ignore"):
            drawn: Floats = 100 * self.slices.sums(numbers, flags) / total
        return 100 * float(flags.mean()), drawn

    def latency(self, percent: float) -> Drawn | None:
        """Return a percentile in milliseconds, and the same in each draw; None of too few calls."""
        answered = self.calls["latency_ms"].notna().to_numpy(dtype=bool)
        latencies = self.calls["latency_ms"].to_numpy(dtype=np.float64)[answered]
        if not enough_for(percent, len(latencies)):
            return None
        numbers = self._numbers[answered]
        whole = float(np.percentile(latencies, percent, method="inverted_cdf"))
        return whole, self.slices.percentiles(numbers, latencies, percent)

    def flags(self, group: str) -> Flags:
        """Return which calls ended so, or repeat another one (``retried``)."""
        if group == "retried":
            return (self.calls["attempt"] > 1).to_numpy(dtype=bool)
        return (self.calls["outcome"] == group).to_numpy(dtype=bool)

    @property
    def _moments(self) -> Floats:
        return self.calls["moment"].to_numpy(dtype=np.float64)

    @property
    def _numbers(self) -> Whole:
        return self.calls["slice"].to_numpy(dtype=np.int64)


def _is_burst(calls: pd.DataFrame) -> bool:
    """Say whether these are the calls of a burst: each session made one, directly."""
    return bool(calls["session"].nunique() == len(calls) and (calls["kind"] == "direct").all())
