"""What the service itself has seen lately: how long things took, and how often they went how."""

from __future__ import annotations

import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager

_MOST = 10_000  # samples per figure


class Measures:
    """Samples of the last ``window`` seconds, by system and figure."""

    def __init__(self, window: float) -> None:
        self.window = window
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self._samples: defaultdict[tuple[str, str], deque[tuple[float, float]]] = defaultdict(
            lambda: deque(maxlen=_MOST)
        )

    def note(self, system: str, figure: str, value: float) -> None:
        """Add a sample."""
        self._samples[system, figure].append((time.monotonic(), value))

    def rate(self, system: str, figure: str, happened: bool) -> None:
        """Add one to a percentage: it happened, or it could have."""
        self.note(system, figure, 100.0 if happened else 0.0)

    @contextmanager
    def timed(self, system: str, figure: str) -> Iterator[None]:
        """Add how many seconds the work inside took, if it ends well."""
        begun = time.perf_counter()
        yield
        self.note(system, figure, time.perf_counter() - begun)

    def figures(self, system: str) -> dict[str, float]:
        """Return each figure: of percentages the mean, of seconds what 95 in 100 stay below."""
        oldest = time.monotonic() - self.window
        found = {}
        for (owner, figure), samples in list(self._samples.items()):
            values = sorted(value for at, value in samples if at >= oldest)
            if owner == system and values:
                at = -(-len(values) * 95 // 100) - 1
                percent = figure.endswith("_percent")
                found[figure] = sum(values) / len(values) if percent else values[at]
        return found
