"""The simulator's own time: the machine's, plus what it was moved ahead by."""

from __future__ import annotations

import time

DAY = 24 * 60 * 60


class Clock:
    """Seconds since 1970. It goes on by itself and can be moved ahead, never back."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> int:
        """Return the time in whole seconds, as Stripe's ``created`` fields hold it."""
        return int(time.time() + self._ahead)

    def advance(self, seconds: float) -> int:
        """Move the clock ahead by ``seconds`` and return the new time.

        Raises ValueError for a negative number: a key that was forgotten doesn't come back.
        """
        if seconds < 0:
            raise ValueError(f"the clock can't go back: {seconds} seconds")
        self._ahead += seconds
        return self.now()
