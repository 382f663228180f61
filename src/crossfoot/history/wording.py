"""A contradiction in words: who called what, when, what came back, and what the ledger has."""

from __future__ import annotations

from collections.abc import Mapping

from crossfoot.history.ledger import Number
from crossfoot.history.matching import Violation
from crossfoot.history.moves import Move
from crossfoot.results import Finding
from crossfoot.verdicts import Outcome


def finding(violation: Violation, origins: Mapping[int, int]) -> Finding:
    """Return a violation as reports show it. Times are seconds since the first call of their clock."""
    calls = [_call(move, origins) for move in violation.moves]
    # A thing's name begins with what it is.
    subject = f"{'account ' if violation.kind == 'account' else ''}{violation.account}"
    who = f"{_short(violation.moves[0])}: " if violation.moves else ""
    return Finding(
        subject=violation.account,
        summary=f"{subject}: {who}{violation.says}",
        explanation=" ".join([*(f"{call}." for call in calls), _sentence(violation.says)]),
        anomaly=violation.mistake,
        violates=[violation.rule],
        rows=[_row(move, origins) for move in violation.moves]
        + [
            {
                "entry": str(entry.no),
                "amount": str(entry.amount),
                "balance_before": _text(entry.before),
                "balance_after": _text(entry.after),
                "kind": entry.kind,
                "request_key": entry.key,
            }
            for entry in violation.entries
        ],
    )


def _short(move: Move) -> str:
    amount = "" if move.amount is None else f" {move.amount:+}"
    return f"{move.operation}{amount} by {move.session} (call {move.id}, {move.outcome.value})"


def _call(move: Move, origins: Mapping[int, int]) -> str:
    return f"{_short(move)} {_ran(move, origins)}"


def _ran(move: Move, origins: Mapping[int, int]) -> str:
    began = f"began at {_seconds(move.start, move, origins)}"
    if not move.end:
        return f"{began} and was never answered"
    ended = _seconds(move.end, move, origins)
    if move.outcome is Outcome.UNKNOWN:
        return f"{began} and was given up at {ended}"
    return f"{began} and ended at {ended}"


def _seconds(time: int, move: Move, origins: Mapping[int, int]) -> str:
    return f"{(time - origins.get(move.clock, 0)) / 1e9:.6f} s"


def _row(move: Move, origins: Mapping[int, int]) -> dict[str, str | None]:
    return {
        "call": str(move.id),
        "session": move.session,
        "operation": move.operation,
        "amount": _text(move.amount),
        "key": move.key or move.request,
        "outcome": move.outcome.value,
        "told": _text(move.told),
        "began": _seconds(move.start, move, origins),
        "ended": _seconds(move.end, move, origins) if move.end else None,
    }


def _text(value: Number | None) -> str | None:
    return None if value is None else str(value)


def _sentence(text: str) -> str:
    first = text.partition(" ")[0]
    # An operation's name stays as it is.
    return (text[:1].upper() + text[1:] if first.isalpha() else text) + "."
