"""Which three operations to race, where there are too many: those that the pairs have shown to meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from crossfoot.pairs.plot import Plot
from crossfoot.results import Check
from crossfoot.verdicts import Verdict

LEAST = 50  # schedules of one triple, where there are so many left

_NONE_LEFT = "for which the budget had no schedules left"
_Pair = frozenset[str]


@dataclass
class Triples:
    """Chooses triples by what their pairs did, and counts those left out, by reason.

    Two calls meet if not all orders of their steps were found to be equal: then they touched a table
    in common. ``budget`` is the number of schedules that all triples share, each taking as much of
    what is left as the others after it.
    """

    budget: int
    meet: dict[_Pair, bool] = field(default_factory=dict)
    broken: set[_Pair] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)
    count: int = 0
    waiting: int = 0

    @classmethod
    def after(cls, plots: Sequence[Plot], checks: Iterable[Check], least: int) -> Triples:
        """Return what these pairs have shown. Triples get as many schedules as they took, or ``least``."""
        ran = {check.name: check for check in checks if check.exploration}
        triples = cls(0)
        for plot in plots:
            pair, check = frozenset(plot.operations), ran.get(plot.name)
            if check and check.exploration:
                done = check.exploration
                triples.budget += done.schedules
                met = done.schedules > 1 or not done.complete
                triples.meet[pair] = triples.meet.get(pair, False) or met
                triples.broken |= {pair} if check.verdict is Verdict.FAIL else set()
        triples.budget = max(triples.budget, least)
        return triples

    def choose(self, plots: Iterable[Plot]) -> list[Plot]:
        """Return the triples worth racing, best first: all three calls meet, or two with a third."""
        ranked: list[tuple[int, Plot]] = []
        for plot in plots:
            self.count += 1
            pairs = [frozenset(pair) for pair in combinations(plot.operations, 2)]
            met = sum(self.meet.get(pair, True) for pair in pairs)
            if self.broken & set(pairs):
                self.left_out["in which two of the calls fail already"] += 1
            elif met < 2:
                self.left_out["in which a call touches nothing that the others touch"] += 1
            else:
                ranked.append((-met, plot))
        best = [plot for _, plot in sorted(ranked, key=lambda each: each[0])]
        # Many are through sooner than after their share, but not all of hundreds.
        most = 2 * self.budget // LEAST
        self.waiting = min(len(best), most)
        self.left_out[_NONE_LEFT] += max(len(best) - most, 0)
        return best[:most]

    def share(self) -> int:
        """Return how many schedules the next triple may take; 0 if none are left.

        The last one may take a few more than there are: a handful would prove nothing.
        """
        waiting, self.waiting = max(self.waiting, 1), self.waiting - 1
        if self.budget <= 0:
            self.left_out[_NONE_LEFT] += 1
            return 0
        return max(LEAST, self.budget // waiting)

    def spent(self, check: Check) -> None:
        """Take what a triple took off the budget."""
        self.budget -= check.exploration.schedules if check.exploration else LEAST

    def said(self) -> Iterator[str]:
        """Yield, in sentences, what of the triples didn't run."""
        for reason, count in (+self.left_out).items():
            yield f"{count} of {self.count} races of three operations: not run, {reason}"
