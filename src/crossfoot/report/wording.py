"""The words and marks of every report, so that all of them say the same thing the same way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from crossfoot.results import Exploration, Kind, Property
from crossfoot.verdicts import Verdict

NOT_COVERED = "not covered"

# A verdict is never told by colour alone: the mark and the word always go together. The marks are
# text, not emoji: no variation selector, in every common font, one column wide in a terminal.
MARKS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.UNKNOWN: "?",
    Verdict.NOT_APPLICABLE: "–",
    None: "·",
}

VERDICT_MEANINGS: dict[Verdict | None, str] = {
    Verdict.PASS: "every check that speaks about it held",
    Verdict.FAIL: "at least one check found a violation",
    Verdict.UNKNOWN: "a check could not be decided; this is not a weak pass",
    Verdict.NOT_APPLICABLE: "declared absent, with a reason",
    None: "no check speaks about it, so nothing is claimed",
}

KILL_WORDS = {
    Verdict.PASS: "caught",
    Verdict.FAIL: "missed",
    Verdict.UNKNOWN: "undecided",
    Verdict.NOT_APPLICABLE: "not applicable",
}

PROPERTY_MEANINGS = {
    Property.SERIAL: (
        "Calls that overlap end as if they had run one after the other, in some order."
    ),
    Property.DEADLOCK: "Calls that overlap never wait for each other in a circle.",
    Property.REPLAY: (
        "A request that arrives twice (a retry, a double click, a webhook delivered again) "
        "takes effect once."
    ),
    Property.RETRY: (
        "A call that can be sent again says so (40001, 40P01, 55P03), and only such a call does."
    ),
    Property.INPUT: (
        "Nonsense is refused and changes nothing: nulls, zero, negative and fractional amounts, "
        "unknown ids, duplicates."
    ),
    Property.STATE: (
        "Things move only along their allowed path: what is sold is not sold again, what is "
        "refunded is not completed again."
    ),
    Property.LEDGER: (
        "Every movement of credit has its entry, and each balance equals the sum of its entries."
    ),
    Property.ACCESS: "Only those who are meant to can call it or write the balance.",
}

KIND_NOUNS = {Kind.RETRY: "retry check", Kind.LOAD: "load run", Kind.HISTORY: "history check"}
KIND_MEANINGS = {
    Kind.RACE: (
        "A race starts a few calls at once and runs the orders in which their steps can "
        "interleave. Each such order is a schedule. What comes out must be what some order of "
        "whole transactions, one after the other, also gives."
    ),
    Kind.CONTRACT: (
        "A contract makes calls one after the other and compares each outcome with the promised "
        "one."
    ),
    Kind.AUDIT: (
        "An audit is a sentence that must be true of the data, with a query that returns the rows "
        "for which it is not. An audit that had nothing to look at is unknown, not passed."
    ),
    Kind.RETRY: (
        "A retry check makes one call of an operation while other sessions hold locks on its "
        "tables or have written their rows. The retryable error must come out as it is, never as "
        "a refusal."
    ),
    Kind.BURST: (
        "A burst lets many callers go at one instant and counts how their calls end; then the "
        "audits look into the books. The server's own clock says how far the calls overlapped. If "
        "they didn't, the burst is unknown: it proved nothing."
    ),
    Kind.LOAD: (
        "A load lets Locust's users work for a while and counts how their calls end. The audits "
        "look into the books every few seconds meanwhile, and once more when it is over. A load "
        "without a success is unknown."
    ),
    Kind.HISTORY: (
        "A history is what was called and what came back. It is compared with the ledger that the "
        "calls left: what was acknowledged is there once, what was refused left nothing."
    ),
    Kind.LINT: (
        "A lint is a sentence that must be true of the code, its constraints and its privileges, "
        "read from the database's catalog."
    ),
}


def word(verdict: Verdict | None) -> str:
    """Return the word for a verdict; None is a cell of the matrix that no check speaks about."""
    return NOT_COVERED if verdict is None else verdict.value


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return "1 race" or "6 races"."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def listed(parts: Iterable[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    *most, last = [*parts] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def duration(seconds: float) -> str:
    """Return a length of time as people say it: "0.4 s", "12 s", "3 min 20 s", "1 h 5 min"."""
    if seconds < 0.05:
        return "under 0.1 s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def moment(when: datetime) -> str:
    """Return "21 November 2025, 12:10 UTC"; a moment without a time zone is shown as it stands."""
    if when.tzinfo is None:
        return f"{when.day} {when:%B %Y, %H:%M}"
    when = when.astimezone(UTC)
    return f"{when.day} {when:%B %Y, %H:%M} UTC"


def exploration_facts(exploration: Exploration) -> list[str]:
    """Return what a race looked at, as short phrases: coverage first, then what was met."""
    met = [
        (exploration.failing, f"{exploration.failing} of them wrong"),
        (exploration.with_waits, f"{exploration.with_waits} with a wait for a lock"),
        (exploration.retryable, f"{exploration.retryable} with a retryable error"),
        (exploration.left, f"{exploration.left} known and not run"),
    ]
    deadlocks = (
        counted(exploration.deadlocks, "deadlock") if exploration.deadlocks else "no deadlock"
    )
    orders = counted(exploration.serial_orders, "serial order")
    compared = [f"compared with {orders}"] if exploration.serial_orders else []
    return [
        exploration.coverage,
        *(phrase for count, phrase in met if count),
        deadlocks,
        *compared,
        exploration.isolation,
    ]
