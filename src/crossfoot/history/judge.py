"""Everything that can be concluded from a history: the one way in for commands and runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from crossfoot.history.check import check_history
from crossfoot.history.ledger import Ledger
from crossfoot.history.models import check_model
from crossfoot.history.moves import Called, read_moves
from crossfoot.history.reading import History
from crossfoot.results import Check
from crossfoot.target import Target


@dataclass(frozen=True)
class Judged:
    """The calls of a history, and what was concluded from them."""

    called: Called
    checks: list[Check]


def judge(history: History, target: Target, ledger: Ledger | None) -> Judged:
    """Check a history against its ledger and against the target's model, where it has one to ask.

    Raises ContentError for a line that can't be read, with its file and number.
    """
    with _uncollected():
        called = read_moves(history, target)
        checks = check_history(history, called, ledger)
        return Judged(called, [*checks, *check_model(history, target, called, ledger)])


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep Python from looking through millions of objects, again and again, for cycles among them."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
