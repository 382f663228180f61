"""Programs: what two or three sessions send, one to three calls each, drawn by Hypothesis.

Hypothesis isn't asyncio, so it works in a thread of its own and has each program explored on the
loop. One that fails is made smaller part by part, until it passes without any one of its parts:
Hypothesis' own shrinking takes many more attempts, and an attempt here is an exploration.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from itertools import permutations

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample, Unsatisfiable

from crossfoot.pairs.cast import Cast
from crossfoot.pairs.generate import Ensemble, made_of
from crossfoot.pairs.plot import Plot, Transaction, Turn
from crossfoot.target import Target

# Calls per session. A call each is what pairs and triples are; with more than (2, 2, 1) there are
# too many serial orders: each of them runs twice before the first schedule does.
SHAPES = [(2, 1), (2, 2), (3, 1), (3, 2), (2, 1, 1), (3, 3), (3, 1, 1), (2, 2, 1)]

_MOST_CALLS = max(map(max, SHAPES))
_LONGEST_NAME = 100  # characters, of a file
_OWN = "own"
_DRAWS = 4  # how often Hypothesis may draw, per program: many drawn ones are equal


@dataclass(frozen=True)
class Step:
    """One call of a program. ``joins`` puts it into the transaction of the one before."""

    turn: Turn
    joins: bool = False


@dataclass(frozen=True)
class Program:
    """Steps per session. ``led_up`` says that the set-up makes the calls that theirs need."""

    sessions: tuple[tuple[Step, ...], ...]
    led_up: bool = True

    @classmethod
    def of(cls, sessions: Sequence[Sequence[Step]], *, led_up: bool) -> Program:
        """Return the program of these sessions, in one order for all programs that are equal."""
        steps = [tuple(each) for each in sessions if each]
        return cls(tuple(sorted(steps, key=lambda each: (-len(each), repr(each)))), led_up)

    def plot(self, target: Target, seed: int) -> Plot:
        """Return the race. Calls in one transaction may deadlock: their order is the program's."""
        sessions = tuple(
            transactions([_named(step, at, number) for number, step in enumerate(steps)])
            for at, steps in enumerate(self.sessions)
        )
        told = [" then ".join(step.turn.name for step in steps) for steps in self.sessions]
        name = "_against_".join(each.replace(" ", "_") for each in told)
        together = any(len(each) > 1 for session in sessions for each in session)
        plot = Plot(
            name if len(name) <= _LONGEST_NAME else "program",
            f"{told[0][0].upper()}{told[0][1:]}, while others {' or '.join(told[1:])}",
            sessions,
            allow="deadlock" if together else "",
            origin=f"Drawn from the operations and fixtures of target.toml with seed {seed}.",
        )
        digest = sha256(plot.text(target).encode()).hexdigest()[:4]
        return replace(plot, name=f"{plot.name}_{digest}")


def transactions(steps: Sequence[Step]) -> tuple[Transaction, ...]:
    """Return the transactions of a session, of one call or two each."""
    found: list[Transaction] = []
    for step in steps:
        if step.joins and found and len(found[-1]) == 1:
            found[-1] = (*found[-1], step.turn)
        else:
            found.append((step.turn,))
    return tuple(found)


def _named(step: Step, session: int, number: int) -> Step:
    """Return the step with a key of its own, if it doesn't share one."""
    cast = step.turn.cast
    if cast.key != _OWN:
        return step
    key = f"{'abc'[session]}{number + 1}"
    return replace(step, turn=replace(step.turn, cast=replace(cast, key=key)))


def smaller(program: Program) -> Iterator[Program]:
    """Yield what is left of a program without one of its parts, the largest parts first.

    Without a session, with one session sent after another, without a call; then with simpler ones.
    """
    sessions, led_up = program.sessions, program.led_up
    if len(sessions) > 2:
        for at in range(len(sessions)):
            yield Program.of(sessions[:at] + sessions[at + 1 :], led_up=led_up)
        for at, onto in permutations(range(len(sessions)), 2):
            (other,) = set(range(len(sessions))) - {at, onto}
            yield Program.of([sessions[at] + sessions[onto], sessions[other]], led_up=led_up)
    for at, steps in enumerate(sessions):
        for number in range(len(steps)) if len(steps) > 1 else ():
            yield _with(program, at, steps[:number] + steps[number + 1 :])
    for at, steps in enumerate(sessions):
        for number, step in enumerate(steps):
            for simple in _simpler(step):
                yield _with(program, at, (*steps[:number], simple, *steps[number + 1 :]))
    if not led_up:
        yield Program(sessions)


def _with(program: Program, at: int, steps: tuple[Step, ...]) -> Program:
    sessions = (*program.sessions[:at], steps, *program.sessions[at + 1 :])
    return Program.of(sessions, led_up=program.led_up)


def _simpler(step: Step) -> Iterator[Step]:
    """Yield the step with one thing less: its own transaction, the plain key, amount and entities."""
    turn, cast = step.turn, step.turn.cast
    plain = Cast(key=_OWN)
    casts = [
        plain,
        replace(cast, key=_OWN),
        replace(cast, amount=None),
        replace(plain, key=cast.key),
    ]
    if step.joins:
        yield replace(step, joins=False)
    for each in dict.fromkeys(casts):
        if each != cast:
            yield replace(step, turn=replace(turn, cast=each))


@st.composite
def programs(draw: st.DrawFn, ensemble: Ensemble) -> Program:
    """Draw a program."""
    step = st.builds(Step, _turns(ensemble), st.sampled_from([False, False, False, True]))
    lengths = draw(st.sampled_from(SHAPES))
    sessions = [draw(st.lists(step, min_size=calls, max_size=calls)) for calls in lengths]
    return Program.of(sessions, led_up=draw(st.sampled_from([True, True, False])))


def _turns(ensemble: Ensemble) -> st.SearchStrategy[Turn]:
    """Draw a call of one of the operations, on entities that others may have too."""
    kinds = {each: made_of(each, ensemble.target) for each in ensemble.operations}
    parts = sorted(set().union(*kinds.values()))
    casts = st.builds(
        Cast,
        number=st.sampled_from([1, 1, 1, 2]),
        shared=st.sampled_from([frozenset[str](), *(frozenset([part]) for part in parts)]),
        swapped=st.sampled_from([False, False, True]),
        key=st.sampled_from([_OWN, _OWN, "shared"]),
        amount=st.sampled_from([None, None, 1]),
    )
    return st.builds(Turn, st.sampled_from(ensemble.operations), casts)


class _Over(BaseException):
    """Nobody waits for the search any more. Hypothesis takes an Exception for a failing example."""


@dataclass
class Search:
    """Draws programs until one fails, and makes that one smaller.

    ``fails`` explores a program. What it said of one is remembered, so that the same seed leads to
    the same program: nothing depends on the clock. Programs that call all operations of one of
    ``avoid`` aren't drawn: what is wrong with those is known.
    """

    ensemble: Ensemble
    seed: int
    count: int
    fails: Callable[[Program], Awaitable[bool]]
    avoid: Sequence[frozenset[str]] = ()
    known: dict[str, bool] = field(default_factory=dict)
    _over: bool = False
    _error: Exception | None = None

    async def smallest(self) -> Program | None:
        """Return a failing program that passes without any of its parts; None if none failed.

        Raises what ``fails`` raises.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await asyncio.to_thread(self._find, loop)
        except _Over:
            assert self._error
            raise self._error from None
        finally:
            self._over = True
        return await self._shrunk(found) if found else None

    @property
    def drawn(self) -> int:
        """Return how many different programs were drawn and explored."""
        return len(self.known)

    async def _shrunk(self, program: Program) -> Program:
        passing: set[str] = set()
        for less in smaller(program):
            text = self._text(less)
            if text == self._text(program) or max(map(len, less.sessions)) > _MOST_CALLS:
                continue
            if text not in passing and self._fits(less) and await self.fails(less):
                return await self._shrunk(less)
            passing.add(text)
        return program

    def _text(self, program: Program) -> str:
        target = self.ensemble.target
        return f"{program.led_up} {program.plot(target, self.seed).text(target)}"

    def _find(self, loop: asyncio.AbstractEventLoop) -> Program | None:
        try:
            return find(
                programs(self.ensemble).filter(self._fits),
                lambda program: self._explored(program, loop),
                settings=settings(
                    max_examples=_DRAWS * self.count,
                    database=None,
                    deadline=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                ),
                random=random.Random(self.seed),  # noqa: S311 (test data, not secrets)
            )
        except (NoSuchExample, Unsatisfiable):
            return None

    def _explored(self, program: Program, loop: asyncio.AbstractEventLoop) -> bool:
        """Have a program explored, unless its like was; say whether it fails."""
        if self._over:
            raise _Over
        text = self._text(program)
        if text not in self.known and len(self.known) < self.count:
            work = asyncio.run_coroutine_threadsafe(_awaited(self.fails(program)), loop)
            try:
                self.known[text] = work.result()
            except Exception as error:
                self._error = error
                raise _Over from error
        return self.known.get(text, False)

    def _fits(self, program: Program) -> bool:
        called = {step.turn.name for steps in program.sessions for step in steps}
        return not any(each <= called for each in self.avoid)


async def _awaited(work: Awaitable[bool]) -> bool:
    return await work
