"""When two schedules ended alike: outcomes stripped of what only timing decides.

Generated ids, sequence numbers and the time of day differ between two runs that mean the same. Ids
and numbers are named after the places they appear in, so links between rows survive; times are told
by how far from now they lie; columns that differ between two equal serial runs are masked.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any

from crossfoot.explorer.drawn import NUMBER, TIME, Drawn
from crossfoot.explorer.race import Race
from crossfoot.explorer.trace import CallResult, Trace
from crossfoot.verdicts import Outcome

Cell = str | None
Row = tuple[tuple[str, Cell], ...]  # (column, value), ...

_TOKEN = re.compile(
    rf"[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}|{NUMBER.pattern}"
)
_MASKED = "~"
GENERATED_NAME = re.compile(r"#[0-9a-f]{8}\b")  # what stands for a generated value in a shape


@dataclass(frozen=True)
class Place:
    """One table, or one statement of one session, with what was found there."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Shape:
    """An outcome as it compares: hashable, order within a place forgotten."""

    calls: tuple[tuple[str, ...], ...]
    places: tuple[tuple[str, tuple[Row, ...]], ...]

    def place(self, name: str) -> tuple[Row, ...]:
        """Return the rows found at one place."""
        return dict(self.places).get(name, ())


def places_of(trace: Trace, upto: Sequence[int], *, results: bool) -> list[Place]:
    """Return what the transactions before ``upto`` (per session) answered, and the state."""
    found: list[Place] = []
    for index, transactions in enumerate(trace.transactions):
        calls = [result for each in transactions[: upto[index]] for result in each]
        found += [_answer(index, number, call) for number, call in enumerate(calls) if results]
    tables: dict[str, list[Row]] = {}
    for name, text in trace.state:
        # Fractions stay text: a float would take 0.1 + 17 digits for what is a digit less.
        tables.setdefault(name, []).append(_row(json.loads(text, parse_float=str)))
    return found + [Place(name, tuple(rows)) for name, rows in sorted(tables.items())]


def _answer(session: int, number: int, call: CallResult) -> Place:
    rows: list[Row] = [tuple(zip(call.columns, row, strict=True)) for row in call.rows]
    if call.sqlstate:
        rows = [(("sqlstate", call.sqlstate), ("message", call.message))]
    return Place(f"call {session}.{number}", tuple(rows))


def _row(values: dict[str, Any]) -> Row:
    return tuple((name, _cell(value)) for name, value in values.items())


def _cell(value: Any) -> Cell:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True)


def endings(trace: Trace, upto: Sequence[int]) -> tuple[tuple[str, ...], ...]:
    """Return how the calls of each session's transactions before ``upto`` ended."""
    return tuple(
        tuple(result.outcome.value for each in transactions[: upto[index]] for result in each)
        for index, transactions in enumerate(trace.transactions)
    )


def kept_transactions(trace: Trace, race: Race) -> tuple[int, ...]:
    """Return, per session, how many transactions count: those before the first retryable one."""
    kept: list[int] = []
    for session, transactions in zip(race.sessions, trace.transactions, strict=True):
        hit = next(
            (
                i
                for i, each in enumerate(transactions)
                if any(r.outcome is Outcome.RETRYABLE for r in each)
            ),
            len(session.transactions),
        )
        kept.append(hit)
    return tuple(kept)


class Masks:
    """Knows what to overlook in one race: its own values are real, generated ones aren't.

    ``volatile`` are the (place, column) that differ between equal runs, ``fixed`` the times that don't.
    """

    def __init__(self, race: Race) -> None:
        self._real = {str(value) for value in race.values.values()}
        text = " ".join(
            [race.setup, *(query.text for query in race.state), *race.literals.values()]
        )
        calls = (c for s in race.sessions for t in s.transactions for c in t)
        self._real |= set(_TOKEN.findall(" ".join([text, *(call.query.text for call in calls)])))
        self.volatile: set[tuple[str, str]] = set()
        self.fixed: set[str] = set()

    @property
    def version(self) -> tuple[int, int]:
        """Return what changes when more is known: shapes of two versions don't compare."""
        return len(self.volatile), len(self.fixed)

    def joined(self, other: Masks) -> Masks:
        """Return masks for the same race that know what either knows."""
        both = copy(self)
        both.volatile, both.fixed = self.volatile | other.volatile, self.fixed | other.fixed
        return both

    def shape(self, trace: Trace, race: Race, upto: Sequence[int]) -> Shape:
        """Return the outcome of ``trace`` as it compares."""
        places = places_of(trace, upto, results=not race.state_only)
        named = self._name(self._mask(places, trace.drawn), trace.drawn)
        shaped = tuple((place.name, tuple(sorted(place.rows, key=_sortable))) for place in named)
        return Shape(endings(trace, upto), shaped)

    def fingerprint(self, trace: Trace) -> str:
        """Return what two schedules share if they differ in generated values only.

        Tokens are numbered in the order in which they appear, so equal fingerprints mean equal
        outcomes; different ones may still mean the same, which the shape then tells.
        """
        numbers: dict[str, str] = {}

        def number(match: re.Match[str]) -> str:
            token = match[0]
            generated = self._generated(token, trace.drawn)
            return numbers.setdefault(token, f"#{len(numbers)}") if generated else token

        return self._told(_TOKEN.sub(number, "\n".join(_said(trace))), trace.drawn)

    def learn(self, first: Trace, second: Trace, race: Race) -> bool:
        """Compare two runs of one serial order; mask the columns that differ.

        Returns False if they differ in more than that: in how calls ended or in how many rows
        there are, which is no matter of the time of day.
        """
        upto = [len(session.transactions) for session in race.sessions]
        self.fixed |= _times(first) & _times(second)
        a, b = self.shape(first, race, upto), self.shape(second, race, upto)
        if a.calls != b.calls or [name for name, _ in a.places] != [name for name, _ in b.places]:
            return False
        for (name, rows), (_, others) in zip(a.places, b.places, strict=True):
            if len(rows) != len(others):
                return False
            self.volatile |= {(name, column) for column in _differing(rows, others)}
        return self.shape(first, race, upto) == self.shape(second, race, upto)

    def _mask(self, places: Iterable[Place], drawn: Drawn) -> list[Place]:
        return [
            Place(p.name, tuple(self._mask_row(p.name, row, drawn) for row in p.rows))
            for p in places
        ]

    def _mask_row(self, place: str, row: Row, drawn: Drawn) -> Row:
        return tuple(
            (
                column,
                _MASKED
                if value is not None and (place, column) in self.volatile
                else value and self._told(value, drawn),
            )
            for column, value in row
        )

    def _told(self, text: str, drawn: Drawn) -> str:
        """Return a text with its times told by how far from now they lie, but for fixed ones."""
        return TIME.sub(lambda time: time[0] if time[0] in self.fixed else drawn.told(time), text)

    def _name(self, places: list[Place], drawn: Drawn) -> list[Place]:
        """Give each generated token a name made of where it appears.

        Over and over, until no two tokens are told apart that weren't before: what a row refers to
        may be known only by what that refers to (colour refinement).
        """
        names: dict[str, str] = {}
        kinds = -1
        while len(set(names.values())) > kinds:
            kinds = len(set(names.values()))
            seen: dict[str, Counter[str]] = {}
            for place in places:
                for row in place.rows:
                    context = f"{place.name}|{self._renamed(row, names, drawn)}"
                    for column, token in self._tokens(row, drawn):
                        seen.setdefault(token, Counter())[f"{context}|{column}"] += 1
            names = {token: _digest(sorted(where.items())) for token, where in seen.items()}
        return [
            Place(p.name, tuple(self._renamed(row, names, drawn) for row in p.rows)) for p in places
        ]

    def _tokens(self, row: Row, drawn: Drawn) -> Iterator[tuple[str, str]]:
        for column, value in row:
            if value:
                found = _TOKEN.findall(value)
                yield from ((column, token) for token in found if self._generated(token, drawn))

    def _generated(self, token: str, drawn: Drawn) -> bool:
        return token not in self._real and ("-" in token or drawn.drew(int(token)))

    def _renamed(self, row: Row, names: dict[str, str], drawn: Drawn) -> Row:
        def rename(match: re.Match[str]) -> str:
            return names.get(match[0], "#") if self._generated(match[0], drawn) else match[0]

        return tuple(
            (column, value and unordered(_TOKEN.sub(rename, value))) for column, value in row
        )


def _said(trace: Trace) -> Iterator[str]:
    """Yield all that a schedule's calls answered and its tables held, as text."""
    for session, transactions in enumerate(trace.transactions):
        for number, results in enumerate(transactions):
            for r in results:
                yield f"{session}.{number} {r.outcome} {r.sqlstate} {r.message} {r.columns} {r.rows}"
    for name, row in trace.state:
        yield f"{name} {row}"


def _times(trace: Trace) -> set[str]:
    return {time[0] for text in _said(trace) for time in TIME.finditer(text)}


def _differing(rows: Sequence[Row], others: Sequence[Row]) -> set[str]:
    """Return the columns whose values, as multisets, aren't the same."""

    def columns(found: Sequence[Row]) -> dict[str, Counter[Cell]]:
        counted: dict[str, Counter[Cell]] = {}
        for row in found:
            for column, value in row:
                counted.setdefault(column, Counter())[value] += 1
        return counted

    a, b = columns(rows), columns(others)
    return {column for column in a.keys() | b.keys() if a.get(column) != b.get(column)}


def unordered(text: str) -> str:
    """Return an array, as PostgreSQL or JSON writes it, with its elements in an order of their own.

    Without an ORDER BY their order is that of the rows in the table, which is timing.
    """
    if text[0] not in "[{":
        return text
    try:
        return json.dumps(_sorted(json.loads(text, parse_float=str)))
    except ValueError:
        flat = text[-1] == "}" and "{" not in text[1:] and '"' not in text
        return "{" + ",".join(sorted(text[1:-1].split(","))) + "}" if flat else text


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return sorted(map(_sorted, value), key=json.dumps)
    return value


def _digest(value: object) -> str:
    return "#" + blake2s(repr(value).encode(), digest_size=4).hexdigest()


def _sortable(row: Row) -> list[tuple[str, bool, str]]:
    return [(column, value is not None, value or "") for column, value in row]
