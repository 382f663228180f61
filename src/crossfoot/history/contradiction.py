"""Which few calls of an account or a thing contradict each other, where no order fits the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from crossfoot.history.asking import Asked, Call
from crossfoot.history.matching import ALWAYS
from crossfoot.history.search import Found, Timed, search
from crossfoot.history.smallest import smallest
from crossfoot.verdicts import Outcome, Verdict

# How often the model is asked to make a contradiction smaller, of an account and of a thing; and how many
# times as often as until it was found, if that is more.
_ASK_AGAIN, _ASK_AGAIN_OF_THINGS = 15_000, 40_000
_TIMES = 8
_MOST_SHOWN = 8
_FEW = 2  # one call contradicts nothing that a reader can see
_NAME = 8  # characters: what is shorter names nothing

_Among = Callable[[Sequence[Timed]], Sequence[Timed]]
"""What is searched if these calls are kept."""


def contradiction(
    name: str, timed: Sequence[Timed], result: Found, asked: Asked
) -> tuple[list[Call], Call]:
    """Return few calls that contradict each other, and the one that finds no place.

    ``result`` is the search that failed. With a ledger, what changed something is taken as it is, and of
    refusals those are left without which there would be an order. (Which of the calls of one request
    changed something, and which came again, isn't known before there is an order.) Without a ledger, any
    call may be forgotten: it may then have happened with any answer, or not at all.
    """
    again = _Again(asked, result)
    if asked.has_ledger:
        facts = [each for each in timed if each.call.record.outcome is not Outcome.REFUSED]
        others = [each for each in timed if each.call.record.outcome is Outcome.REFUSED]
        chosen = again.fewest(others, lambda kept: [*facts, *kept])
    else:
        chosen = again.fewest(
            [each for each in timed if each.must],
            lambda kept: [each if each in kept else _forgotten(each) for each in timed],
        )
    stuck = again.result.stuck
    heard = [each for each in timed if each.call.heard and any(each.call is s for s in stuck)]
    if not asked.has_ledger:
        heard = [each for each in chosen if each in heard] or chosen
    due = [each for each in heard if asked.due(again.result.state, each.call)]
    last: Call = min(due or heard or timed, key=lambda each: each.end).call
    shown = [
        each.call
        for each in timed
        if each in chosen or each.call is last or _belongs(name, each.call, last, asked, chosen)
    ]
    beside = [call for call in shown if call is not last]
    return [*beside[: _MOST_SHOWN - 1], last], last


def _belongs(name: str, call: Call, last: Call, asked: Asked, chosen: Sequence[Timed]) -> bool:
    """Say whether a call explains what ``last`` contradicts, though it isn't needed for it."""
    if asked.has_ledger:
        return bool(_names(name, call) & _names(name, last))
    return len(chosen) < _FEW and call.ok and call.begin < last.end


class _Again:
    """Searches again, among fewer calls, for as long as the model may be asked."""

    def __init__(self, asked: Asked, result: Found) -> None:
        self._asked = asked
        least = _ASK_AGAIN if asked.has_ledger else _ASK_AGAIN_OF_THINGS
        self._left = max(least, _TIMES * result.steps)
        self.result = result

    def fewest(self, calls: Sequence[Timed], among: _Among) -> list[Timed]:
        """Return those of ``calls`` without any of which there would be an order."""

        def contradict(kept: Sequence[Timed]) -> bool:
            if self._left <= 0:
                return False
            found = search(among(kept), self._asked, self._asked.start, self._left)
            self._left -= found.steps
            if found.verdict is Verdict.FAIL:
                self.result = found
            return found.verdict is Verdict.FAIL

        if contradict([]):
            return []
        stuck = {id(call) for call in self.result.stuck}
        few = [each for each in calls if id(each.call) in stuck]
        return smallest(few if contradict(few) else calls, contradict)


def _forgotten(timed: Timed) -> Timed:
    """Return a call as one of which no answer came."""
    call = replace(timed.call, heard=False)
    return Timed(timed.begin, ALWAYS, call, False)


def _names(name: str, call: Call) -> set[str]:
    """Return what a call speaks of besides the account: keys, and ids."""
    texts = {str(value) for value in call.arguments.values() if isinstance(value, str)}
    return {text for text in texts if len(text) >= _NAME} - {name}
