"""What goes wrong on request: dropped connections, 500s, 429s, lock timeouts, slow answers."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

# What each kind does, in the order in which a request meets them.
KINDS = {
    "rate_limited": "429 before anything else; no key is used up",
    "slow": "the answer takes `seconds` longer, or until faults are cleared; the key is in use",
    "drop_before_effect": "the connection breaks and nothing has happened",
    "lock_timeout": "`status` (429 as documented, or 409) with Stripe-Should-Retry: true",
    "server_error": "500, kept under the key; nothing has happened",
    "server_error_after_effect": "500, kept under the key; what was asked for has happened",
    "drop_after_effect": "the connection breaks and what was asked for has happened",
}
# A replay executes nothing, so these are left for requests that do.
EXECUTING = frozenset({"lock_timeout", "server_error", "server_error_after_effect"})


@dataclass
class Fault:
    """One thing to go wrong, for requests whose method and path match (globs).

    With ``times`` it strikes the next so many matching requests, with ``fraction`` that part of
    them, drawn from the simulator's seed, with both at most ``times`` of them.
    """

    kind: str
    method: str = "*"
    path: str = "*"
    times: int | None = None
    fraction: float | None = None
    seconds: float = 0.0
    status: int = 429
    struck: int = 0
    lifted: bool = False
    draw: random.Random = field(default_factory=random.Random, repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault '{self.kind}'; there are {', '.join(KINDS)}")
        if self.times is None and self.fraction is None:
            self.times = 1
        if self.status not in (409, 429):
            raise ValueError(f"a lock timeout has status 429 or 409, not {self.status}")
        if not 0 <= self.seconds <= 60 or not 0 <= (self.fraction or 0) <= 1:
            raise ValueError("seconds are 0 to 60, a fraction is 0 to 1")

    @property
    def over(self) -> bool:
        """Say whether it has struck as often as it was to."""
        return self.times is not None and self.struck >= self.times

    def strikes(self, method: str, path: str) -> bool:
        """Say whether it strikes this request, and count that."""
        if self.over or not fnmatchcase(method, self.method) or not fnmatchcase(path, self.path):
            return False
        if self.fraction is not None and self.draw.random() >= self.fraction:
            return False
        self.struck += 1
        return True


class Faults:
    """The faults that are planned. Whoever calls holds the world's lock."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made = 0
        self.planned: list[Fault] = []

    def plan(self, fault: Fault) -> Fault:
        """Plan a fault; what it draws depends on the seed and on how many were planned before."""
        self._made += 1
        fault.draw = random.Random(f"{self._seed}:fault:{self._made}")  # noqa: S311
        # One that is over may still keep a request waiting, so slow ones are remembered.
        kept = [known for known in self.planned if not known.over or known.kind == "slow"]
        self.planned = [*kept, fault]
        return fault

    def clear(self) -> None:
        """Let nothing more go wrong, and let requests that are kept waiting go on."""
        for fault in self.planned:
            fault.lifted = True
        self.planned = []

    def take(self, method: str, path: str, kinds: Iterable[str]) -> dict[str, Fault]:
        """Return the faults of these kinds that strike this request, by kind."""
        wanted = set(kinds)
        taken: dict[str, Fault] = {}
        for fault in self.planned:
            if fault.kind in wanted and fault.kind not in taken and fault.strikes(method, path):
                taken[fault.kind] = fault
        return taken
