"""Ids that look like Stripe's and are the same in every run with the same seed."""

from __future__ import annotations

import hashlib
from collections import Counter

_LENGTH = 24


class Ids:
    """The nth id of a prefix depends on the seed, the prefix and n, and on nothing else.

    So what one kind of object is called doesn't change when another kind is made in between.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._drawn: Counter[str] = Counter()

    def __call__(self, prefix: str) -> str:
        """Return the next id, such as ``pi_`` and 24 characters for the prefix ``pi``."""
        self._drawn[prefix] += 1
        text = f"{self.seed}:{prefix}:{self._drawn[prefix]}"
        return f"{prefix}_{hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]}"
