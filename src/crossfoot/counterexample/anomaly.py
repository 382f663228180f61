"""The name of what went wrong, and why it is called so.

An audit that fails names it best: it speaks of money. After that the evidence decides. Where that
doesn't single out one anomaly the finding is "not serializable", which is all that is known then.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, combinations

from crossfoot.checks.audits import Audit
from crossfoot.counterexample.answers import Named, raw_violation, told_wrongly
from crossfoot.counterexample.evidence import (
    Change,
    Evidence,
    Key,
    Row,
    Tables,
    changes,
    inserted,
    numbers,
    went_well,
)
from crossfoot.counterexample.rewriting import named_in
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.explorer.judge import Judgement
from crossfoot.explorer.trace import Trace

NOT_SERIALIZABLE = "not serializable"
NO_OVERLAP = "wrong without overlap"


def name_of(
    judgement: Judgement,
    trace: Trace,
    audits: Sequence[Audit],
    evidence: Evidence | None,
    instrumented: Instrumented,
) -> Named:
    """Name an anomaly: as the gravest violated audit calls it, else as the evidence shows it."""
    if judgement.stuck:
        return Named("stuck")
    if judgement.offences and not needs_overlap(judgement, trace):
        why = "It takes no overlap: one after the other the calls leave the same."
        return Named(NO_OVERLAP, why)
    # Of a deadlock that a function caught, no more is known than that.
    settled = evidence if trace.settled is None else None
    shown = _shown(settled, instrumented) if settled else None
    if name := _gravest(judgement, audits):
        return Named(name, shown.why if shown and shown.name == name else "")
    if judgement.deadlock:
        return Named("deadlock")
    told = told_wrongly(settled) if settled and judgement.not_serial else None
    known = raw_violation(trace, unique=True) or shown or raw_violation(trace, unique=False) or told
    return known or Named(NOT_SERIALIZABLE if judgement.not_serial else "unmet expectation")


def _gravest(judgement: Judgement, audits: Sequence[Audit]) -> str:
    """Return what the gravest violated audit calls the anomaly; "" if none of them names one."""
    by_name = {audit.name: audit.anomaly for audit in audits}
    return next((name for each in judgement.offences if (name := by_name[each.audit])), "")


def needs_overlap(judgement: Judgement, trace: Trace) -> bool:
    """Say whether calls have to overlap, or at least transactions to alternate, to end like this."""
    several = any(len(session) > 1 for session in trace.transactions)
    return judgement.not_serial or judgement.deadlock or judgement.stuck or several


def _shown(evidence: Evidence, instrumented: Instrumented) -> Named | None:
    rules: list[Callable[[Evidence, Instrumented], Named | None]] = [
        _below_zero,
        _lost_number,
        _taken_twice,
        _lost_value,
        _rows_twice,
        _skewed,
        _seen_too_early,
        _as_if_alone,
    ]
    return next((named for rule in rules if (named := rule(evidence, instrumented))), None)


# -- one row that several sessions write ------------------------------------------------------------


@dataclass(frozen=True)
class _Sum:
    """A number that sessions change: by how much each alone, and by how much it changed."""

    place: str
    start: Decimal
    parts: dict[int, Decimal]
    actual: Decimal
    in_turn: tuple[tuple[bool, Decimal], ...]  # whether all of them ended ok, and the change then
    there: bool  # whether its row was there before


def _sums(evidence: Evidence) -> Iterator[_Sum]:
    """Yield the numbers that two sessions or more change, of those whose calls all ended ok."""
    for table, key in _rows_of_all(evidence):
        before = evidence.before.get(table, {}).get(key)
        after = dict(numbers(evidence.after.get(table, {}).get(key)))
        for column in sorted(after.keys() - set(evidence.keys.get(table, ()))):
            start = dict(numbers(before)).get(column, Decimal(0))

            def moved(row: Row | None, column: str = column, start: Decimal = start) -> Decimal:
                return dict(numbers(row)).get(column, start) - start

            parts = {i: moved(evidence.alone[i].get(table, {}).get(key)) for i in evidence.ok}
            parts = {i: part for i, part in parts.items() if part}
            if len(parts) < 2:
                continue
            in_turn = tuple(
                (evidence.all_well_in(turn, parts), moved(turn.after.get(table, {}).get(key)))
                for turn in evidence.turns
            )
            actual = after[column] - start
            yield _Sum(f"{table}.{column}", start, parts, actual, in_turn, before is not None)


def _rows_of_all(evidence: Evidence) -> list[tuple[str, Key]]:
    """Return the rows that two sessions or more, which ended ok, write when they are alone."""
    written = Counter(
        chain.from_iterable(
            {(change.table, change.key) for change in evidence.written_by(index)}
            for index in evidence.ok
        )
    )
    return sorted(place for place, count in written.items() if count > 1)


def _below_zero(evidence: Evidence, _: Instrumented) -> Named | None:
    for table, rows in evidence.before.items():
        for key, row in rows.items():
            for column, value in numbers(evidence.after.get(table, {}).get(key)):
                others = [row, *(turn.after.get(table, {}).get(key) for turn in evidence.turns)]
                if value < 0 <= min(dict(numbers(o)).get(column, value) for o in others):
                    return Named(
                        "overdraft", f"Overdraft: {table}.{column} went below zero, to {value}."
                    )
    return None


def _lost_number(evidence: Evidence, _: Instrumented) -> Named | None:
    for found in _sums(evidence):
        whole = sum(found.parts.values(), Decimal(0))
        some = {
            sum((found.parts[i] for i in chosen), Decimal(0))
            for size in range(1, len(found.parts))
            for chosen in combinations(found.parts, size)
        }
        right = any(well and moved == found.actual for well, moved in found.in_turn)
        # Of calls that all mean to make the row, in turn only one may do it, and nothing is lost.
        apart = found.there or any(well for well, _ in found.in_turn)
        if found.actual != whole and found.actual in some and apart and not right:
            told = " and ".join(_signed(part) for part in found.parts.values())
            why = (
                f"Lost update: {found.place} was {found.start}; the sessions changed it by {told},"
                f" each from what it had read, and what is left of that is {_signed(found.actual)}."
            )
            return Named("lost update", why)
    return None


def _taken_twice(evidence: Evidence, _: Instrumented) -> Named | None:
    for found in _sums(evidence):
        whole = sum(found.parts.values(), Decimal(0))
        if found.actual != whole or any(moved == whole for _, moved in found.in_turn):
            continue
        told = " and ".join(_signed(part) for part in found.parts.values())
        most = max((moved for _, moved in found.in_turn), key=abs, default=Decimal(0))
        why = f"{found.place} was changed by {told}; one after the other it is {_signed(most)}."
        if whole < 0 and not evidence.same_request(found.parts):
            return Named("overdraft", f"Overdraft: {why}")
        return Named("double apply", f"Double apply: {why}")
    return None


def _lost_value(evidence: Evidence, _: Instrumented) -> Named | None:
    """All are told ok, and the tables are as if only one of them had been there."""
    if len(evidence.ok) < 2:
        return None
    for index in evidence.ok:
        others = [each for each in evidence.ok if each != index]
        right = [t.after for t in evidence.turns if evidence.all_well_in(t, evidence.ok)]
        gone = [c for each in others for c in evidence.written_by(each)]
        if evidence.after != evidence.alone[index] or not gone or evidence.after in right:
            continue
        same = all(evidence.alone[each] == evidence.alone[index] for each in others)
        if not right and (same or all(change.old is None for change in gone)):
            continue  # all said the same, or meant to be the first: in turn only one of them is
        table, name = gone[0].table, evidence.race.sessions[others[0]].name
        why = (
            f"Lost update: all were told ok, and what {name} wrote to {table} is gone: it was"
            f" overwritten from what had been read before."
        )
        return Named("lost update", why)
    return None


def _signed(number: Decimal) -> str:
    return f"{number:+f}"


# -- rows of their own ------------------------------------------------------------------------------


def _rows_twice(evidence: Evidence, instrumented: Instrumented) -> Named | None:
    """Each session adds its rows, and in turn not all of them do."""
    for table in sorted(evidence.after):
        by = {i: len(inserted(evidence.written_by(i), table)) for i in evidence.ok}
        by = {i: count for i, count in by.items() if count}
        actual = len(inserted(changes(evidence.before, evidence.after), table))
        most = max(
            (len(inserted(changes(evidence.before, t.after), table)) for t in evidence.turns),
            default=0,
        )
        if len(by) < 2 or actual < sum(by.values()) or actual <= most:
            continue
        why = f"{actual} rows were added to {table}; one after the other it is {most}."
        if evidence.same_request(by):
            return Named("double apply", f"Double apply: {why}")
        if all(_mentions(evidence, instrumented, index, table) for index in by):
            return Named(
                "phantom",
                f"Phantom: each session looked into {table} before the rows of the other were"
                f" there. {why}",
            )
    return None


def _skewed(evidence: Evidence, _: Instrumented) -> Named | None:
    """Sessions change rows of their own, all of it stays, and in turn it doesn't."""
    written = {
        index: {(c.table, c.key): c for c in evidence.written_by(index) if c.old}
        for index in evidence.ok
    }
    for a, b in combinations([index for index, each in written.items() if each], 2):
        mine, theirs = written[a], written[b]
        if mine.keys() & theirs.keys():
            continue
        meant = [*mine.values(), *theirs.values()]
        if not _holds(meant, evidence.after) or any(_holds(meant, t.after) for t in evidence.turns):
            continue
        tables = " and ".join(sorted({change.table for change in meant}))
        why = (
            f"Write skew: each session changed rows of {tables} that the other one left alone, as if"
            " the other weren't there."
        )
        return Named("write skew", why)
    return None


def _holds(meant: Iterable[Change], tables: Tables) -> bool:
    return all(tables.get(each.table, {}).get(each.key) == each.new for each in meant)


def _seen_too_early(evidence: Evidence, instrumented: Instrumented) -> Named | None:
    """A session reads what another one's first transaction left, before its last one was done."""
    for index, begun in evidence.begun.items():
        claimed = {change.table for change in changes(evidence.before, begun)}
        rest = {change.table for change in changes(begun, evidence.alone[index])}
        if not claimed or not rest:
            continue
        for other in range(len(evidence.race.sessions)):
            between = _steps_between_commits(evidence.trace, index, other, instrumented)
            seen = [table for table in sorted(claimed) if named_in(table, between)]
            if other != index and seen:
                names = evidence.race.sessions
                why = (
                    f"Dirty claim: {names[other].name} saw what {names[index].name} had written to"
                    f" {seen[0]} in a transaction of its own, while the rest of it wasn't done."
                )
                return Named("dirty claim", why)
    return None


def _steps_between_commits(
    trace: Trace, index: int, other: int, instrumented: Instrumented
) -> list[str]:
    commits = [
        at
        for at, event in enumerate(trace.events)
        if event.session == index and event.kind in {"commit", "error"}
    ]
    between = trace.events[commits[0] : commits[-1]] if len(commits) > 1 else []
    return [
        instrumented.steps[event.step].text
        for event in between
        if event.session == other and event.kind == "step"
    ]


def _as_if_alone(evidence: Evidence, _: Instrumented) -> Named | None:
    """Every session wrote what it writes when nobody else is there; in turn one of them doesn't."""
    added = _rows(inserted(changes(evidence.before, evidence.after)))
    alone = Counter[str]()
    for index in went_well(evidence.trace):
        alone += _rows(inserted(evidence.written_by(index)))
    turns = [_rows(inserted(changes(evidence.before, turn.after))) for turn in evidence.turns]
    same_number = any(each.total() == added.total() for each in turns)
    if added and added == alone and same_number and added not in turns:
        tables = [
            c.table for c in changes(evidence.before, evidence.after) if c.old is None and c.new
        ]
        why = (
            f"Stale read: each session wrote to {sorted(set(tables))[0]} what it would have written"
            " had the other not been there."
        )
        return Named("stale read", why)
    return None


def _rows(found: Sequence[Row]) -> Counter[str]:
    return Counter(str(sorted(row.items())) for row in found)


# -- what steps say ---------------------------------------------------------------------------------


def _mentions(evidence: Evidence, instrumented: Instrumented, session: int, table: str) -> bool:
    """Say whether a statement of a session other than a plain INSERT speaks of a table."""
    said = [
        instrumented.steps[event.step].text
        for event in evidence.trace.events
        if event.session == session and event.kind == "step"
    ]
    return named_in(
        table, [text for text in said if not re.match(r"insert\b(?!.*\bselect\b)", text, re.I)]
    )
