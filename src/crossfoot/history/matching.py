"""Which call left which entry of an account, and where that doesn't come out even."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import accumulate

from crossfoot.history.ledger import Account, Entry, Number
from crossfoot.history.moves import Move
from crossfoot.verdicts import Outcome

ALWAYS = float("inf")
_Label = tuple[Number | None, str, Number | None]
_Waiting = tuple[float, float, int, "Request"]
_MAYBE = {Outcome.OK, Outcome.UNKNOWN}


@dataclass(frozen=True)
class Violation:
    """Calls and entries of one account that contradict each other.

    ``rule`` is the name of the check that they violate, ``mistake`` what it is called, ``says`` the
    contradiction in words. ``kind`` is what ``account`` names: the model knows other things by name, too.
    """

    rule: str
    mistake: str
    account: str
    says: str
    moves: tuple[Move, ...] = ()
    entries: tuple[Entry, ...] = ()
    certain: bool = True
    kind: str = "account"


LEFT_WHAT_IT_SAID = "calls_left_what_they_said"
ASKED_FOR = "entries_were_asked_for"


class Request:
    """Calls that together leave one entry, at most: one call, or one that was sent again."""

    __slots__ = ("entry", "guessed", "moves", "odd")

    def __init__(self, moves: list[Move]) -> None:
        self.moves = moves
        self.entry = -1
        self.guessed = False  # another one may as well have left it
        self.odd = False  # doesn't agree with what it left, so its times say nothing

    @property
    def acknowledged(self) -> list[Move]:
        """Return the calls that ended ok."""
        return [move for move in self.moves if move.outcome is Outcome.OK]

    @property
    def possible(self) -> list[Move]:
        """Return the calls that may have left the entry: ended ok, or nobody knows how."""
        return [move for move in self.moves if move.outcome in _MAYBE]


@dataclass
class Matched:
    """The books of one account against its calls.

    ``asked[i]`` is what left entry i; None if it was there before, or nobody asked for it. The first
    ``opening`` entries were there before. ``guessed`` says that another request might as well have left
    some entry. ``readers`` are calls that leave no entry, but say what the
    balance was: reads, and refusals because it didn't suffice.
    """

    name: str
    account: Account
    opening: int = 0
    asked: list[Request | None] = field(default_factory=list)
    readers: list[Move] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    guessed: bool = False

    @property
    def entries(self) -> list[Entry]:
        """Return the account's entries in their order."""
        return self.account.entries


def match(name: str, moves: Sequence[Move], account: Account, *, marked: bool) -> Matched:
    """Find out which request left which entry.

    Keys and references find theirs. What has neither gets entries of its amount and kind (and of the
    balance that was told), in an order that fits the times if there is one. ``marked`` says whether
    ``account.opening`` is known; otherwise the entries before the first that somebody asked for count
    as having been there.
    """
    found = Matched(name, account, asked=[None] * len(account.entries))
    if marked:
        found.opening = sum(entry.no <= (account.opening or -1) for entry in account.entries)
    named, nameless = _requests(moves, found.readers)
    found.requests = named + nameless
    _match_named(found, named)
    _match_nameless(found, nameless)
    if not marked:
        claimed = (i for i, request in enumerate(found.asked) if request)
        found.opening = next(claimed, len(found.asked))
    _nobody_asked(found, nameless)
    return found


def _requests(moves: Iterable[Move], readers: list[Move]) -> tuple[list[Request], list[Request]]:
    """Return the requests that a key or reference finds, and the others; put readers aside."""
    grouped: dict[str, Request] = {}
    named: list[Request] = []
    nameless: list[Request] = []
    for move in moves:
        if move.amount == 0 or move.short:
            readers.append(move)
        if move.amount == 0:
            continue
        request = grouped.get(move.request) if move.request else None
        if request:
            request.moves.append(move)
            continue
        request = Request([move])
        if move.request:
            grouped[move.request] = request
        (named if move.key or move.reference else nameless).append(request)
    return named, nameless


def _match_named(found: Matched, requests: Sequence[Request]) -> None:
    by_key, several = _places(found.entries)
    by_reference: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    if any(request.moves[0].reference for request in requests):
        for i, entry in enumerate(found.entries):
            by_reference[entry.reference, entry.kind].append(i)
    for request in requests:
        move = request.moves[0]
        if not move.key:
            there: Sequence[int] = by_reference.get(_reference(move), ())
        elif move.key in several:
            there = several[move.key]
        else:
            at = by_key.get(move.key)
            there = () if at is None else (at,)
        for i in there:
            found.asked[i] = request
        if there:
            request.entry = there[0]
            if len(there) == 1 and _agrees(request, found.entries[there[0]]):
                continue
        _compare(found, request, [found.entries[i] for i in there])


def _places(entries: Sequence[Entry]) -> tuple[dict[str, int], dict[str, list[int]]]:
    """Return the first entry of each key, and all entries of the keys that have more than one."""
    first: dict[str, int] = {}
    several: dict[str, list[int]] = {}
    for i, entry in enumerate(entries):
        at = first.setdefault(entry.key, i)
        if at != i:
            several.setdefault(entry.key, [at]).append(i)
    return first, several


def _agrees(request: Request, entry: Entry) -> bool:
    """Say whether the one call of a request left just what it asked for. This is nearly always so."""
    move = request.moves[0]
    return (
        len(request.moves) == 1
        and move.outcome is Outcome.OK
        and move.amount == entry.amount
        and move.told is None
        and (not move.kind or move.kind == entry.kind)
    )


def _reference(move: Move) -> tuple[str, str]:
    return move.reference, move.kind


def _compare(found: Matched, request: Request, entries: list[Entry]) -> None:
    """Note where the entries of a request aren't what its calls said."""
    possible = request.possible
    acknowledged = request.acknowledged
    before = len(found.violations)
    if len(entries) == 1 and possible:
        _compare_with_entry(found, request, possible, entries[0])
    elif not entries and acknowledged:
        says = "it was acknowledged, and the ledger has no entry of it"
        _note(found, "acknowledged but absent", says, acknowledged[:1], [])
    elif entries and not possible:
        ends = request.moves[0].outcome.value
        says = f"it ended {ends}, which has to leave nothing, and the ledger has {_all(entries)}"
        _note(found, f"{ends} but charged", says, request.moves, entries)
    elif len(entries) > 1:
        _note_twice(found, possible, acknowledged, entries)
    request.odd = len(found.violations) > before


def _note_twice(
    found: Matched, possible: list[Move], acknowledged: list[Move], entries: list[Entry]
) -> None:
    amounts = {move.amount for move in acknowledged}
    if not acknowledged:
        says = (
            f"no answer came, so it happened once or not at all, and the ledger has {_all(entries)}"
        )
        _note(found, "unknown applied twice", says, possible, entries)
    elif len(amounts) > 1:
        says = (
            f"one key was used for different amounts and had an effect each time: {_all(entries)}"
        )
        _note(found, "key reused with two effects", says, acknowledged, entries)
    else:
        says = f"it was asked for once, under one key, and the ledger has {_all(entries)}"
        _note(found, "doubled entry", says, possible, entries)


def _compare_with_entry(
    found: Matched, request: Request, possible: list[Move], entry: Entry
) -> None:
    asked = {move.amount for move in possible if move.amount is not None}
    kinds = {move.kind for move in possible if move.kind}
    if asked and entry.amount not in asked:
        says = f"it asked for {_signed(possible[0].amount)}, and the ledger has {_all([entry])}"
        _note(found, "wrong amount", says, possible[:1], [entry])
        return
    if kinds and entry.kind not in kinds:
        says = f"it asked for a {possible[0].kind}, and {_all([entry])} is a {entry.kind}"
        _note(found, "wrong kind", says, possible[:1], [entry])
        return
    for move in request.acknowledged:
        if move.amount is not None and move.amount != entry.amount:
            says = (
                f"it was acknowledged for {_signed(move.amount)}, under a key of which the ledger"
                f" has {_all([entry])}"
            )
            _note(found, "key reused for another amount", says, possible, [entry])
            return
        if None not in {move.told, entry.after} and move.told != entry.after:
            says = f"its answer told a balance of {move.told}, and the ledger has {_all([entry])}"
            _note(found, "wrong balance told", says, [move], [entry])
            return


def _match_nameless(found: Matched, requests: Sequence[Request]) -> None:
    """Match by amount, kind and told balance, in an order that fits the times if there is one.

    An entry goes to a request that had begun before any that still waits for its own entry ended; of
    several such to the first that ended. So one that was acknowledged comes before one of which
    nobody knows whether it happened.
    """
    candidates = sorted((request for request in requests if request.possible), key=begin)
    if not candidates:
        return
    waiting: defaultdict[_Label, list[Request]] = defaultdict(list)
    for request in reversed(candidates):
        waiting[_label(request)].append(request)
    found.guessed = _ambiguous(candidates)
    ready: defaultdict[_Label, list[_Waiting]] = defaultdict(list)
    ends = [(finish(request), n, request) for n, request in enumerate(candidates)]
    heapify(ends)
    latest = _latest(found)
    for i, entry in enumerate(found.entries):
        if found.asked[i] or i < found.opening:
            continue
        while ends and ends[0][2].entry >= 0:
            heappop(ends)
        bound = min(latest[i], ends[0][0] if ends else ALWAYS)
        for label in _labels(entry):
            taken = _take(waiting[label], ready[label], bound)
            if taken:
                found.asked[i], taken.entry = taken, i
                break
    _absent(found, candidates)


def _latest(found: Matched) -> list[float]:
    """Return by when each entry was there, as far as requests with a key say."""
    ends = (finish(request) if request else ALWAYS for request in reversed(found.asked))
    return list(accumulate(ends, min))[::-1]


def _absent(found: Matched, candidates: Sequence[Request]) -> None:
    """Note requests that were acknowledged and found no entry, nor one to take from a doubtful one."""
    doubtful: defaultdict[_Label, list[Request]] = defaultdict(list)
    for request in candidates:
        if request.entry >= 0 and not request.acknowledged:
            doubtful[_label(request)].append(request)
    for request in candidates:
        if request.entry >= 0 or not request.acknowledged:
            continue
        if alike := doubtful[_label(request)]:
            other = alike.pop()
            request.entry, other.entry = other.entry, -1
            found.asked[request.entry] = request
            continue
        says = "it was acknowledged, and the ledger has no entry of it that no other call left"
        _note(found, "acknowledged but absent", says, request.acknowledged[:1], [])


def _label(request: Request) -> _Label:
    move = next(iter(request.acknowledged), request.possible[0])
    return move.amount, move.kind, move.told


def _ambiguous(requests: Sequence[Request]) -> bool:
    """Say whether an entry may be of another request than its own, and mark the requests in doubt."""
    alike: defaultdict[tuple[Number | None, str], list[Request]] = defaultdict(list)
    for request in requests:
        amount, kind, _ = _label(request)
        alike[amount, kind].append(request)
    vague = len(alike) > 1 and any(amount is None or not kind for amount, kind in alike)
    for group in alike.values():
        told = [_label(request)[2] for request in group]
        doubtful = vague or (len(group) > 1 and (None in told or len(set(told)) < len(told)))
        for request in group:
            request.guessed = doubtful
    return any(request.guessed for request in requests)


def _labels(entry: Entry) -> list[_Label]:
    """Return what calls an entry may be of, those that are the surest first."""
    kinds = dict.fromkeys([entry.kind, ""])
    amounts = (entry.amount, None)
    told = dict.fromkeys([entry.after, None])
    return [(amount, kind, after) for after in told for amount in amounts for kind in kinds]


def _take(waiting: list[Request], ready: list[_Waiting], bound: float) -> Request | None:
    while waiting and (begin(waiting[-1]) <= bound or not ready):
        request = waiting.pop()
        heappush(ready, (finish(request), begin(request), len(waiting), request))
    return heappop(ready)[3] if ready else None


def begin(request: Request) -> float:
    """Return before which time the request can't have had its effect, on its own clock."""
    moves = request.moves
    if len(moves) == 1:
        return moves[0].start
    return min((move.start for move in moves if move.outcome in _MAYBE), default=-ALWAYS)


def finish(request: Request) -> float:
    """Return by which time the request has had its effect, if it had any."""
    moves = request.moves
    if len(moves) == 1:
        move = moves[0]
        return move.end if move.outcome is Outcome.OK and move.end else ALWAYS
    ends = (move.end for move in moves if move.outcome is Outcome.OK and move.end)
    return min(ends, default=ALWAYS)


def _nobody_asked(found: Matched, nameless: Sequence[Request]) -> None:
    without = [request for request in nameless if not request.possible]
    for i in range(found.opening, len(found.asked)):
        if found.asked[i]:
            continue
        entry = found.entries[i]
        suspects = [r.moves[0] for r in without if r.moves[0].amount == entry.amount][:1]
        says = f"nobody asked for {_all([entry])}"
        if suspects:
            says += f"; a call for as much ended {suspects[0].outcome.value}"
        found.violations.append(
            Violation(
                ASKED_FOR,
                "entry nobody asked for",
                found.name,
                says,
                tuple(suspects),
                (entry,),
            )
        )


def _note(
    found: Matched, mistake: str, says: str, moves: Sequence[Move], entries: Sequence[Entry]
) -> None:
    found.violations.append(
        Violation(LEFT_WHAT_IT_SAID, mistake, found.name, says, tuple(moves), tuple(entries))
    )


def _all(entries: Sequence[Entry]) -> str:
    return " and ".join(describe(entry) for entry in entries)


def describe(entry: Entry) -> str:
    """Return an entry in words: "entry 13 (-30, leaving 70)"."""
    left = "" if entry.after is None else f", leaving {entry.after}"
    return f"entry {entry.no} ({_signed(entry.amount)}{left})"


def _signed(amount: Number | None) -> str:
    return "an unknown amount" if amount is None else f"{amount:+}"
