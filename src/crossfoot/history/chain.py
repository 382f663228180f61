"""The books of one account by themselves: each entry starts where the one before it ended."""

from __future__ import annotations

from collections.abc import Iterator

from crossfoot.history.ledger import Entry, Number
from crossfoot.history.matching import Matched, Violation, describe

BALANCES_FOLLOW = "balances_follow_from_entries"


def balances(found: Matched) -> list[Number]:
    """Return the balance before the first entry and after each: ``n + 1`` numbers.

    They are added up from the amounts, starting from what the first entry says it found.
    """
    entries = found.entries
    if not entries:
        return [found.account.balance or 0]
    first = entries[0]
    start: Number = 0
    if first.before is not None:
        start = first.before
    elif first.after is not None:
        start = first.after - first.amount
    sums = [start]
    for entry in entries:
        start += entry.amount
        sums.append(start)
    return sums


def check_chain(found: Matched) -> Iterator[Violation]:
    """Yield where entries don't follow from each other, or the balance not from the entries."""
    before: Entry | None = None
    for entry in found.entries:
        if entry.before is not None and entry.after is not None:
            if entry.before + entry.amount != entry.after:
                says = (
                    f"{entry.before} and {entry.amount:+} make {entry.before + entry.amount}, and"
                )
                yield _violation(
                    found, "wrong balance after", f"{says} {describe(entry)} says so not", entry
                )
            elif before and before.after is not None and before.after != entry.before:
                says = f"{describe(before)} is followed by {describe(entry)}, which starts from"
                yield _violation(found, "broken chain", f"{says} {entry.before}", before, entry)
            elif entry.after < 0 and entry.amount < 0:
                yield _violation(found, "overdraft", f"{describe(entry)} takes too much", entry)
        before = entry
    stored = found.account.balance
    if stored is None:
        return
    total = balances(found)[-1]
    if stored != total:
        last = found.entries[-1:]
        says = f"the stored balance is {stored}, and the entries lead to {total}"
        yield _violation(found, "balance off", says, *last)


def _violation(found: Matched, mistake: str, says: str, *entries: Entry) -> Violation:
    asked = [request.moves[0] for e in entries if (request := found.asked[_index(found, e)])]
    return Violation(BALANCES_FOLLOW, mistake, found.name, says, tuple(asked), entries)


def _index(found: Matched, entry: Entry) -> int:
    return next(i for i, each in enumerate(found.entries) if each is entry)
