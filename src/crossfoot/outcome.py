"""How a call ended, judged by what its target calls a refusal."""

from __future__ import annotations

from collections.abc import Sequence

from crossfoot.target import Operation
from crossfoot.verdicts import RETRYABLE_SQLSTATES, Outcome


def outcome_of_rows(
    operation: Operation | None, columns: Sequence[str], rows: Sequence[Sequence[str | None]]
) -> Outcome:
    """Return ``refused`` if the first row is a business answer of this operation, else ``ok``."""
    if operation and rows and operation.refuses_result(dict(zip(columns, rows[0], strict=True))):
        return Outcome.REFUSED
    return Outcome.OK


def outcome_of_error(operation: Operation | None, sqlstate: str, message: str) -> Outcome:
    """Return what an error means: ``retryable`` by SQLSTATE, ``refused`` if bound so, else ``error``."""
    if sqlstate in RETRYABLE_SQLSTATES:
        return Outcome.RETRYABLE
    if operation and operation.refuses_error(sqlstate, message):
        return Outcome.REFUSED
    return Outcome.ERROR
