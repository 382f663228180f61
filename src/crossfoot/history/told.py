"""Without a ledger: do the balances that answers tell follow from each other in some order?

Where the answer to a movement tells the balance afterwards, it tells the one before, too. So the calls
of an account have to form a chain that fits their times, and a refusal for lack of credits has to have a
place in it. There is no witness of the order here, so it is searched for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from crossfoot.history.clocks import NOTHING, on_server, own_times
from crossfoot.history.ledger import Number
from crossfoot.history.matching import ALWAYS, Violation
from crossfoot.history.moves import Called, Move
from crossfoot.history.order import FIT_ONE_ORDER, overlapping
from crossfoot.history.search import Fit, Found, State, Timed, search
from crossfoot.verdicts import Outcome, Verdict

MOST_CALLS = 100_000  # of one account
_ASK, _ASK_PER_CALL = 5_000, 20
_MOST_SHOWN = 6
_MOST_OPENINGS = 8
_POSSIBLE = {Outcome.OK, Outcome.UNKNOWN}


@dataclass
class Told:
    """What the told balances say, all accounts together. ``mute`` counts accounts that tell none."""

    violations: list[Violation] = field(default_factory=list)
    accounts: int = 0
    mute: int = 0
    overlapping: int = 0
    undecided: str = ""


def check_told(called: Called) -> Told:
    """Look at every account whose answers tell its balance."""
    told = Told()
    for name, moves in sorted(called.by_account.items()):
        timed = list(_timed(moves)) if name else []
        if not any(each.call.told is not None for each in timed) or _vague(moves):
            told.mute += 1
            continue
        told.accounts += 1
        windows = [(each.begin, each.end) for each in timed if each.must]
        told.overlapping += overlapping([window for window in windows if window != NOTHING])
        found = _judge(timed, _ASK + _ASK_PER_CALL * len(timed))
        if found.verdict is Verdict.FAIL:
            told.violations.append(_violation(name, found))
        elif found.verdict is Verdict.UNKNOWN:
            told.undecided = name
    return told


def _vague(moves: Sequence[Move]) -> bool:
    """Say whether some call may have moved nobody knows how much, or there are too many calls."""
    unknown = (
        move.amount is None or (move.amount and move.told is None and move.outcome is Outcome.OK)
        for move in moves
        if move.outcome in _POSSIBLE
    )
    return any(unknown) or len(moves) > MOST_CALLS


def _timed(moves: Sequence[Move]) -> Iterator[Timed]:
    """Yield what may have had an effect, or says what the balance was. A request has one effect."""
    view = on_server if len({move.clock for move in moves}) > 1 else own_times
    requests: dict[str, list[Move]] = {}
    for move in moves:
        if move.amount and move.request and move.outcome in _POSSIBLE:
            requests.setdefault(move.request, []).append(move)
        elif move.outcome in _POSSIBLE or move.short:
            yield Timed(*view(move), move, move.outcome is not Outcome.UNKNOWN)
    for same in requests.values():
        heard = [move for move in same if move.outcome is Outcome.OK]
        begin = min(view(move)[0] for move in same)
        end = min((view(move)[1] for move in heard), default=ALWAYS)
        yield Timed(begin, end, heard[0] if heard else same[0], bool(heard))


class _Chain:
    """The balance of one account: a model to search with."""

    def __init__(self, timed: Sequence[Timed]) -> None:
        self._heard = {id(each.call) for each in timed if each.must}

    def step(self, state: State, call: Move) -> tuple[Fit, State]:
        """Make a call. What no answer came to fits anywhere."""
        heard, amount = id(call) in self._heard, call.amount or 0
        if heard and call.short:
            return (Fit.SAME if state + amount < 0 else Fit.NO), state
        if not amount:
            return (Fit.NO if heard and call.told not in {None, state} else Fit.SAME), state
        after = state + amount
        if heard and call.told != after:
            return Fit.NO, state
        return Fit.CHANGE, after

    def due(self, state: State, call: Move) -> None:
        """Say nothing: there is no witness."""

    def key(self, state: State) -> object:
        """Return the state: it can be compared as it is."""
        return state

    def over(self, state: State) -> bool:
        """Say that nothing is missing: nobody knows the last balance."""
        return True

    def alike(self, call: Move) -> object:
        """Return None: every call has its own place."""
        return None


def _judge(timed: Sequence[Timed], budget: int) -> Found:
    """Search from each balance that may have been the first; pass if there is an order from one."""
    openings = _openings(timed)
    tried: list[Found] = []
    for opening in openings[:_MOST_OPENINGS]:
        tried.append(search(timed, _Chain(timed), opening, budget))
        budget -= tried[-1].steps
        if tried[-1].verdict is Verdict.PASS:
            return tried[-1]
    if len(tried) < len(openings) or any(each.verdict is Verdict.UNKNOWN for each in tried):
        return Found(Verdict.UNKNOWN)
    # The one that got on longest says most.
    return max(tried, key=lambda each: each.steps)


def _openings(timed: Sequence[Timed]) -> list[Number]:
    """Return what the balance may have been before the first call that tells it.

    What moved credit before that, and told nobody, belongs to what was there already.
    """
    telling = [each for each in timed if each.must and each.call.told is not None]
    first = min((each.end for each in telling), default=ALWAYS)
    before = [each.call.told - (each.call.amount or 0) for each in telling if each.begin <= first]
    return list(dict.fromkeys(before)) or [0]


def _violation(name: str, found: Found) -> Violation:
    heard = [move for move in found.stuck if move.outcome is not Outcome.UNKNOWN]
    moves = tuple(sorted(heard, key=lambda move: move.start)[:_MOST_SHOWN])
    told = " and ".join(_said(move) for move in moves)
    says = (
        f"wherever they are put, the calls before lead to a balance of {found.state}, and then"
        f" {told} can't come next, though one of them has to"
    )
    return Violation(FIT_ONE_ORDER, "balances that don't follow", name, says, moves)


def _said(move: Move) -> str:
    amount = move.amount or 0
    if move.short:
        return f"a refusal of {amount:+}"
    return f"{amount:+} leaving {move.told}" if amount else f"a balance of {move.told}"
