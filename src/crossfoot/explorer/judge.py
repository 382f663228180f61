"""The verdict on one schedule: serial order, audits, expectations, deadlocks."""

from __future__ import annotations

from dataclasses import dataclass, field

from crossfoot.checks.audits import AuditSet, Offence
from crossfoot.explorer.arena import Arena
from crossfoot.explorer.outcomes import Shape, kept_transactions
from crossfoot.explorer.race import Expectation, Race
from crossfoot.explorer.serial import SerialOrders, SerialOutcome
from crossfoot.explorer.trace import Trace


@dataclass(frozen=True)
class Judgement:
    """What is wrong with a schedule: nothing, if it is empty.

    ``not_serial`` says that no order of whole transactions ends like this. ``kept`` are the
    transactions per session that counted: those before a retryable error. ``stuck`` says that all
    sessions wait for each other, and PostgreSQL sees no deadlock.
    """

    shape: Shape
    kept: tuple[int, ...]
    right: dict[Shape, SerialOutcome]
    not_serial: bool = False
    offences: tuple[Offence, ...] = ()
    unmet: tuple[tuple[Expectation, int], ...] = ()
    deadlock: bool = False
    stuck: bool = False

    @property
    def violates(self) -> list[str]:
        """Return what is violated, in the words of reports."""
        return [
            *(["serial order"] if self.not_serial else []),
            *dict.fromkeys(f"audit {offence.audit}" for offence in self.offences),
            *(f"expect {expectation.text}" for expectation, _ in self.unmet),
            *(["deadlock"] if self.deadlock else []),
            *(["stuck"] if self.stuck else []),
        ]


@dataclass
class Judge:
    """Judges the schedules of one race."""

    race: Race
    audits: AuditSet
    serial: SerialOrders = field(init=False)
    _audited: dict[object, tuple[Offence, ...]] = field(default_factory=dict)
    _judged: dict[object, Judgement] = field(default_factory=dict)
    _wrong: set[Shape] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.serial = SerialOrders(self.race)

    async def judge(self, trace: Trace, arena: Arena) -> Judgement:
        """Judge a schedule that has just ended in ``arena``; its database still holds the result."""
        masks = self.serial.masks
        key = masks.version, masks.fingerprint(trace)
        if key not in self._judged:
            self._judged[key] = await self._judge(trace, arena)
        return self._judged[key]

    async def _judge(self, trace: Trace, arena: Arena) -> Judgement:
        kept = kept_transactions(trace, self.race)
        shape = self.serial.masks.shape(trace, self.race, kept)
        # Before the serial orders: running those would wipe the schedule's state away.
        offences = await self._audit(shape, arena)
        right = await self.serial.of(kept, arena)
        shape = self.serial.masks.shape(trace, self.race, kept)
        if shape not in right and shape not in self._wrong:
            right = await self.serial.again(kept, arena)
            shape = self.serial.masks.shape(trace, self.race, kept)
            self._wrong.add(shape)
        return Judgement(
            shape,
            kept,
            right,
            # Whoever sends a call again of which a part is done does what no order of calls does.
            # What those who got stuck did is gone, and so is what an order would have shown.
            not_serial=shape not in right and not trace.parted and not trace.stuck,
            offences=offences,
            unmet=tuple(self._unmet(trace)),
            deadlock=trace.deadlocked and not self.race.allow_deadlock,
            stuck=trace.stuck,
        )

    async def _audit(self, shape: Shape, arena: Arena) -> tuple[Offence, ...]:
        """Run the audits, unless this state has been audited before."""
        state = tuple(place for place in shape.places if not place[0].startswith("call "))
        if state not in self._audited:
            self._audited[state] = tuple(await self.audits.offences(arena.control))
        return self._audited[state]

    def _unmet(self, trace: Trace) -> list[tuple[Expectation, int]]:
        results = [result for each in trace.results for result in each]
        found: list[tuple[Expectation, int]] = []
        for expectation in self.race.expectations:
            count = sum(
                result.outcome is expectation.outcome
                and expectation.operation in {None, result.call.operation}
                for result in results
            )
            if not expectation.holds(count):
                found.append((expectation, count))
        return found
