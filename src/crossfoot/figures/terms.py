"""How two runs are compared. Apart from the comparing, which needs pandas."""

from __future__ import annotations

from dataclasses import dataclass

# What can get worse: percentiles of latency, calls per second, and the share of calls that end so.
GROUPS = ("latency", "throughput", "refused", "retryable", "unknown", "error", "retried")
# And, where both runs have a report: a check that passed and does no more, a finding that is new.
GATES = (*GROUPS, "verdicts", "findings")
DRAWS = 2000
LEVEL = 99.0  # percent
BURST_MARGIN = 50.0  # percent, of latency and throughput: the machine's moment is a part of them


@dataclass(frozen=True)
class Terms:
    """How the runs are compared: the margin in percent, the seed of the draws, and what gates."""

    margin: float = 10.0
    seed: int = 1
    fail_on: tuple[str, ...] = GATES

    def method(self) -> str:
        """Return, as reports say it, how intervals are found and when a figure got worse."""
        return (
            f"{LEVEL:g} % intervals by a bootstrap over slices of time ({DRAWS} draws, seed"
            f" {self.seed}). Worse: the interval leaves out 'no change', and the change is more than"
            f" {self.margin:g} % of what it was."
        )
