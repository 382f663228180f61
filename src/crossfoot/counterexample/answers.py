"""What calls were told shows some anomalies, whatever the tables hold: raw errors, false refusals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crossfoot.counterexample.evidence import Evidence, went_well
from crossfoot.explorer.trace import CallResult, Trace
from crossfoot.verdicts import Outcome

_CONSTRAINT = "23"  # the class of what constraints raise
_UNIQUE = "23505"


@dataclass(frozen=True)
class Named:
    """An anomaly: its name, and the sentence that says what shows it ("" where nothing has to)."""

    name: str
    why: str = ""


def raw_violation(trace: Trace, *, unique: bool) -> Named | None:
    """Name an error of a constraint, which is no answer of an operation: a unique one, or another."""
    name = f"raw {'unique' if unique else 'constraint'} violation"
    raw = any(
        result.outcome is Outcome.ERROR
        and result.sqlstate.startswith(_CONSTRAINT)
        and (result.sqlstate == _UNIQUE) is unique
        for result in trace.every_result
    )
    why = f"{name.capitalize()}: a constraint had to refuse what the code let through."
    return Named(name, why) if raw else None


def told_wrongly(evidence: Evidence) -> Named | None:
    """Name what shows in the answers alone: a no where all orders say yes, a sum of two moments."""
    if why := false_refusal(evidence):
        return Named("false refusal", why)
    why = read_skew(evidence)
    return Named("read skew", why) if why else None


def false_refusal(evidence: Evidence) -> str:
    """Return what shows that a call was refused which is accepted in every order; "" if none was."""
    refused = _refused(evidence.trace.every_result)
    if not refused or not evidence.turns:
        return ""
    most = max(_refused(turn.trace.every_result) for turn in evidence.turns)
    if refused <= most:
        return ""
    names = [
        session.name
        for session, results in zip(evidence.race.sessions, evidence.trace.results, strict=True)
        if _refused(results)
    ]
    less = f"no more than {most}" if most else "nobody"
    return f"False refusal: {' and '.join(names)} got a no; one after the other {less} does."


def _refused(results: Iterable[CallResult]) -> int:
    return sum(result.outcome is Outcome.REFUSED for result in results)


def read_skew(evidence: Evidence) -> str:
    """Return what shows that a session read between the writes of another one; "" if none did.

    It writes nothing itself, the tables are as they are in turn, and the answers aren't.
    """
    sessions = range(len(evidence.race.sessions))
    readers = [index for index in sessions if not evidence.written_by(index)]
    if len(sessions) - len(readers) != 1 or went_well(evidence.trace) != list(sessions):
        return ""
    if evidence.after not in [turn.after for turn in evidence.turns]:
        return ""
    (writer,) = set(sessions) - set(readers)
    names = evidence.race.sessions
    tables = {change.table for change in evidence.written_by(writer)}
    told = " and ".join(names[index].name for index in readers)
    return (
        f"Read skew: {told} saw {' and '.join(sorted(tables))} in part as it was before"
        f" {names[writer].name}, in part as it was after."
    )
