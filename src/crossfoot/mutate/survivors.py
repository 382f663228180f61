"""What a mutant is that no check notices: equivalent, as far as the suite can see, or a gap in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from crossfoot.errors import ContentError
from crossfoot.explorer.trace import Trace
from crossfoot.mutate.mutants import Mutant
from crossfoot.mutate.notice import Comparison, Killed, Notice, violated_in
from crossfoot.mutate.suite import Books, Suite
from crossfoot.results import Fate
from crossfoot.workbench import Form

_FIRED = "XF001"
# Who handles one of these may keep an error from being seen.
_HANDLERS = {
    "row count": {"others", "no_data_found", "too_many_rows"},
    "check": {"others", "integrity_constraint_violation", "check_violation"},
    "not null": {"others", "integrity_constraint_violation", "not_null_violation"},
}
_NEVER = {
    "where": "no check has a row that it alone leaves out",
    "on conflict": "no check brings about a conflict",
    "perform": "no check ever has it refuse anything",
    "order of locks": "no race has it put two rows in order",
}
_NO_ROW_OR_MANY = re.compile(r"\bP000[23] ")


@dataclass
class Survivors:
    """Judges mutants that got past contracts, audits, retry checks and lints."""

    suite: Suite
    notice: Notice

    async def without_a_look(self, mutant: Mutant) -> tuple[Fate, str] | None:
        """Judge a guard that is only an error: where nobody ever saw the error, it did nothing.

        None if somebody did, or might have without its being seen.
        """
        handlers = _HANDLERS.get(mutant.kind)
        if handlers is None or self.suite.handles(handlers):
            return None
        extent = await self._extent(mutant)
        seen = self.suite.errors
        if mutant.asserts:
            if _NO_ROW_OR_MANY.search(seen):
                return None
            said = "it only raises an error, and nothing brings that about"
            return "equivalent", f"{said}: {extent.said}"
        if mutant.constraint in violated_in(seen):
            return None
        return "equivalent", self.second_line(mutant, extent)

    async def _extent(self, mutant: Mutant) -> Comparison:
        """Return what the races have shown on the original, of which nothing changes."""
        reached = await self.suite.reached(mutant.touches)
        whole = [each for each in reached if each.complete]
        schedules = sum(each.schedules for each in whole)
        return Comparison(len(whole), schedules, len(reached) - len(whole))

    async def never_fires(self, mutant: Mutant) -> tuple[Fate, str]:
        """Judge a guard that never decided anything, in any check."""
        said = _NEVER.get(mutant.kind, "no check ever makes it take effect")
        extent = await self._extent(mutant)
        return "gap", f"{said} ({extent.said})"

    async def fate(
        self, mutant: Mutant, books: Books, compared: Comparison, fired: str | None
    ) -> tuple[Fate, str]:
        """Say what a mutant is that the races didn't notice either.

        ``fired`` is a check in which the guard takes effect, None if that can't be told.
        """
        right = self.suite.right.answers
        found: tuple[Fate, str]
        if compared.differs:
            found = "gap", f"{compared.differs}; and no check says that it mustn't"
        elif answers := books.otherwise(right):
            name = answers[0]
            now = _first_difference(books.answers[name], right[name])
            found = "gap", f"contract {name} is answered otherwise, and doesn't mind: {now}"
        elif mutant.schema:
            found = "equivalent", self.second_line(mutant, compared)
        elif mutant.loud or fired == "":
            found = await self.never_fires(mutant)
        elif mutant.kind == "order of locks":
            # The explorer stops between statements, and so do its deadlocks.
            said = "no race deadlocks without it, though none stops between two rows of a statement"
            found = "equivalent", f"{said}: {compared.said}"
        elif fired:
            found = (
                "equivalent",
                f"it takes effect (in {fired}), and all that comes out is the same without it:"
                f" something else stands behind it. {compared.said}",
            )
        elif not compared.races:
            found = "gap", "no race that could be run to its end reaches it"
        else:
            found = "equivalent", f"all that comes out is the same without it: {compared.said}"
        return found

    def second_line(self, mutant: Mutant, compared: Comparison) -> str:
        """Say what a constraint is that nothing runs into."""
        behind = self.notice.ran_into.get(mutant.constraint, [])
        if behind:
            more = f" and {len(behind) - 3} more" if len(behind) > 3 else ""
            front = f"it stands behind {', '.join(behind[:3])}{more}"
        else:
            front = "no call of any check runs into it"
        return f"a second line: the functions keep to it by themselves ({front}). {compared.said}"

    async def fires(self, mutant: Mutant) -> str | None:
        """Return a check in which a guard takes effect; "" if it does in none, None if nobody can tell.

        An order of locks takes effect where two sessions lock: in races.
        """
        suite = self.suite
        try:
            async with suite.bench.broken(suite.form, mutant.probe(), unmasked=False) as form:
                books = await suite.books(form)
                said = books.otherwise(suite.right.answers)
                if said and mutant.kind != "order of locks":
                    return f"contract {said[0]}"
                return await self._fires_in_a_race(mutant, form)
        except Killed as killed:
            return killed.by[0]
        except ContentError:
            return None

    async def _fires_in_a_race(self, mutant: Mutant, form: Form) -> str:
        reached = await self.suite.reached(mutant.touches)
        if not reached:
            return ""
        async with self.suite.explorer(form) as explorer:
            for right in reached:
                schedules = self.suite.plan.schedules
                found = await self.notice.watch(explorer, right.race, schedules, until=_fired)
                differs = right.complete and found.complete and not found.same_as(right)
                if differs or any(_fired(trace) for trace in found.traces.values()):
                    return f"race {right.race.name}"
        return ""


def _fired(trace: Trace) -> bool:
    return any(result.sqlstate == _FIRED for result in trace.every_result)


def _first_difference(now: Sequence[str], before: Sequence[str]) -> str:
    for one, other in zip(now, before, strict=False):
        if one != other:
            return f"{one}, where it was {other.partition(': ')[2]}"
    return "fewer calls are made" if len(now) < len(before) else "more calls are made"
