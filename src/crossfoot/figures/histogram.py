"""A histogram of durations whose bins grow with them: small, exact enough, and made to be added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

_BITS = 7
_STEPS = 1 << _BITS  # bins to each doubling: a bin is at most 0.8 % wide


class Histogram:
    """Durations in nanoseconds. Those below 256 ns are kept as they are, others to 0.4 %.

    Bins are as in HdrHistogram (http://hdrhistogram.org): the leading bits of the number.
    """

    def __init__(self, durations: Iterable[int] = ()) -> None:
        self._bins: Counter[int] = Counter()
        self.count = 0
        self.longest = 0
        for each in durations:
            self.add(each)

    def add(self, nanoseconds: int) -> None:
        """Count a duration; a negative one (a clock that was set) counts as none."""
        value = max(nanoseconds, 0)
        shift = max(value.bit_length() - _BITS - 1, 0)
        self._bins[(shift << _BITS) + (value >> shift)] += 1
        self.count += 1
        self.longest = max(self.longest, value)

    def percentile(self, percent: float) -> float | None:
        """Return the duration in nanoseconds that ``percent`` of them don't exceed; None of none.

        It is the middle of the bin that holds the nearest rank; of the last rank, the longest itself.
        """
        if not self.count:
            return None
        rank = max(-(-self.count * round(percent * 1000) // 100_000), 1)
        if rank >= self.count:
            return float(self.longest)
        for at, count in sorted(self._bins.items()):
            rank -= count
            if rank <= 0:
                return min(_middle(at), float(self.longest))
        raise AssertionError("there are as many durations as were counted")

    def milliseconds(self, percent: float) -> float | None:
        """Return a percentile in milliseconds, to the microsecond."""
        found = self.percentile(percent)
        return None if found is None else round(found / 1e6, 3)


def _middle(at: int) -> float:
    # Below two doublings' worth of bins each bin is one number: (0 << 7) + value.
    shift = max((at >> _BITS) - 1, 0)
    least = (at - (shift << _BITS)) << shift
    return least + ((1 << shift) - 1) / 2
