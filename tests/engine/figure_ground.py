"""Generated runs of a gift card system: histories with latencies that are known, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from crossfoot.figures.samples import FORMAT, NAME, Sample, SamplesHead
from crossfoot.history.record import CallRecord, Head
from crossfoot.target import Target, load_target
from crossfoot.verdicts import Outcome

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
BEGAN = 5_000 * SECOND  # what the machine's clock says at the first call
CLOCK = "CLOCK_MONOTONIC of boot 5e0c"


@dataclass(frozen=True)
class Spree:
    """A load: so many calls a second for so many seconds, each as slow as drawn."""

    seconds: float = 12
    per_second: int = 120
    slow: float = 1.0
    refused: float = 0.2
    retried: float = 0.0
    error: float = 0.0
    operations: tuple[str, ...] = ("redeem", "top_up")

    def calls(self, seed: int) -> list[CallRecord]:
        draw = random.Random(seed)
        return [self._call(draw, number) for number in range(int(self.seconds * self.per_second))]

    def _call(self, draw: random.Random, number: int) -> CallRecord:
        start = BEGAN + int(number * SECOND / self.per_second)
        took = int(draw.lognormvariate(1.0, 0.4) * self.slow * MILLISECOND)
        fate = draw.random()
        outcome = Outcome.ERROR if fate < self.error else Outcome.OK
        if self.error <= fate < self.error + self.refused:
            outcome = Outcome.REFUSED
        operation = self.operations[number % len(self.operations)]
        attempt = 2 if draw.random() < self.retried else 1
        return CallRecord(
            number + 1, f"u{number % 8}", operation, outcome, start, start + took, attempt=attempt
        )


def write_calls(
    path: Path,
    calls: Iterable[CallRecord],
    *,
    target: str = "gift_cards",
    scenario: str = "spree",
    clock: str = CLOCK,
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noted = list(calls)
    head = Head(1, target, scenario, 7, "here", clock, "", len(noted))
    lines = [msgspec.json.encode(each) for each in (head, *noted)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def write_samples(folder: Path, samples: Iterable[Sample], clock: str = CLOCK) -> None:
    lines = [msgspec.json.encode(SamplesHead(FORMAT, "here", clock))]
    lines += [msgspec.json.encode(each) for each in samples]
    (folder / NAME).write_bytes(b"\n".join(lines) + b"\n")


def write_run(folder: Path, spree: Spree, seed: int = 1) -> Path:
    write_calls(folder / "history-0.ndjson", spree.calls(seed))
    return folder


def call(
    number: int,
    operation: str = "redeem",
    outcome: Outcome = Outcome.OK,
    *,
    at: float = 0.0,
    ms: float | None = 1.0,
    **values: object,
) -> CallRecord:
    """Return a call that was sent ``at`` seconds, and answered after ``ms``, or never."""
    start = BEGAN + int(at * SECOND)
    end = 0 if ms is None else start + int(ms * MILLISECOND)
    made = CallRecord(number, "u1", operation, outcome, start, end)
    return msgspec.structs.replace(made, **values)


TARGET = """
[target]
name = "gift_cards"
about = "Gift cards"
sql = ["schema.sql"]
schemas = ["gift"]

[operations.redeem]
call = "select * from gift.redeem(:card, :amount)"

[operations.top_up]
call = "select * from gift.top_up(:card, :amount)"
"""


def gift_cards(folder: Path, more: str = "") -> Target:
    """Return the target of these runs; ``more`` is added to its target.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "target.toml").write_text(TARGET + more)
    return load_target(folder / "target.toml")
