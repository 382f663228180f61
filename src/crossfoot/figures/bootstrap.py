"""How far a figure of a run might have come out otherwise: a bootstrap over slices of time.

Calls that are made at the same moment share its fate: a checkpoint, a lock, a pause of the machine.
Drawing single calls would take them for independent and find every difference certain. So slices of
time are drawn, with all calls in them (a block bootstrap: Künsch, The Jackknife and the Bootstrap
for General Stationary Observations, Annals of Statistics 17, 1989).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crossfoot.figures.terms import DRAWS, LEVEL

LEAST_SLICES = 6
LEAST_CALLS = 30
_BEYOND = 10  # calls that have to lie beyond a percentile before it says anything
_SHORTEST = 0.5  # seconds of a slice
_MOST = 60  # slices
_FINE = 500  # bins of latency per factor of e: 0.2 % each

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Slices:
    """A run cut into slices of time of equal length, and how often each is drawn in each draw.

    ``weights`` has a row per draw and a column per slice.
    """

    width: float
    count: int
    weights: Floats

    @classmethod
    def of(cls, seconds: float, random: np.random.Generator) -> Slices:
        """Cut a run of so many seconds. What is left over at its end belongs to no slice."""
        width = max(_SHORTEST, seconds / _MOST)
        count = int(seconds / width + 1e-9)
        if count < LEAST_SLICES:
            return cls(width, count, np.zeros((DRAWS, count)))
        drawn = random.multinomial(count, np.full(count, 1 / count), size=DRAWS)
        return cls(width, count, drawn.astype(np.float64))

    @classmethod
    def of_calls(cls, count: int, random: np.random.Generator) -> Slices:
        """Draw single calls: of a burst, in which there is no time to cut."""
        drawn = random.multinomial(count, np.full(count, 1 / count), size=DRAWS)
        return cls(0.0, count, drawn.astype(np.float64))

    @property
    def enough(self) -> bool:
        """Say whether there are enough slices to draw from."""
        return self.count >= LEAST_SLICES

    def numbers(self, moments: Floats) -> Whole:
        """Return in which slice each moment (seconds) lies; those beyond the last have its count."""
        return np.minimum(moments // self.width, self.count).astype(np.int64)

    def sums(self, numbers: Whole, flags: Flags | None = None) -> Floats:
        """Return how many calls, or flagged ones, each draw has."""
        chosen = numbers if flags is None else numbers[flags]
        per_slice = np.bincount(chosen, minlength=self.count + 1)[: self.count]
        total: Floats = self.weights @ per_slice.astype(np.float64)
        return total

    def percentiles(self, numbers: Whole, latencies: Floats, percent: float) -> Floats:
        """Return a percentile of the latencies in each draw, to 0.2 %; NaN of a draw without calls."""
        inside = numbers < self.count
        codes = np.round(np.log(np.maximum(latencies[inside], 1e-6)) * _FINE).astype(np.int64)
        bins, places = np.unique(codes, return_inverse=True)
        table = np.zeros((self.count, len(bins)))
        np.add.at(table, (numbers[inside], places), 1.0)
        reached = np.cumsum(self.weights @ table, axis=1)
        total = reached[:, -1]
        rank = np.maximum(np.ceil(total * percent / 100 - 1e-9), 1)
        at = np.argmax(reached >= rank[:, None], axis=1)
        found: Floats = np.where(total > 0, np.exp(bins[at] / _FINE), np.nan)
        return found


def enough_for(percent: float, calls: int) -> bool:
    """Say whether so many calls say anything about a percentile."""
    return calls >= LEAST_CALLS and calls * (100 - percent) / 100 >= _BEYOND


def interval(drawn: Floats) -> tuple[float, float]:
    """Return what ``LEVEL`` percent of the draws lie between."""
    edge = (100 - LEVEL) / 2
    low, high = np.nanpercentile(drawn, [edge, 100 - edge])
    return float(low), float(high)
