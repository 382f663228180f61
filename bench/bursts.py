"""The explorer against plain bursts: so many callers at once, and how often they find a mistake.

A burst is what a test without Crossfoot does: connections that are open already, all of which send
their call in the same moment. Whether its outcome was wrong is asked of the database afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from crossfoot.explorer.explore import Bounds
from crossfoot.explorer.race import Race, Session
from crossfoot.outcome import outcome_of_error, outcome_of_rows
from crossfoot.server import Server
from crossfoot.sql import inline
from crossfoot.stages import load_races
from crossfoot.target import Target, find_targets, load_target
from crossfoot.variant import load_variants
from crossfoot.verdicts import Outcome
from crossfoot.workbench import Form, Workbench

SIZES = (2, 10, 100)
TRIES = 50
LONGEST = 8.0  # seconds for the tries of one size; what wasn't tried by then isn't
ARENAS = 2
_RACY = Path(__file__).parent / "racy" / "target.toml"
_TABLES = """
select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = any ($1)
"""


@dataclass(frozen=True)
class Case:
    """A function with a mistake, a race that is about it, and how to tell a wrong outcome.

    ``wrong`` is a query: true if no order of the calls, one after another, ends so. ``:ok`` in it is
    how many calls succeeded. ``error`` is an SQLSTATE that none of them may end with. Without a
    target it is one of the small functions beside this file.
    """

    mistake: str
    race: str
    wrong: str = "select false"
    error: str = ""
    target: str = ""
    variant: str = ""
    unmasked: bool = False

    @property
    def name(self) -> str:
        """Return which function it is, in a few words."""
        return f"{self.target}, {self.variant}" if self.target else self.race


CASES = [
    Case("lost update", "points_redeemed_twice", wrong="select :ok > 1"),
    Case(
        "lost update",
        "first_top_up_twice",
        target="lead_marketplace",
        variant="first_movement_overwrites_balance",
        wrong="""
            select account.balance <> (
                select sum(entry.amount) from lead_marketplace.credit_entries as entry
                where entry.workspace_id = account.workspace_id
            )
            from lead_marketplace.workspace_credits as account
            where account.workspace_id = :workspace
        """,
    ),
    Case(
        "lost update",
        "settlement_against_top_up",
        target="license_billing",
        variant="settlement_excludes_charges_only",
        wrong="""
            select license.credits_remaining <> (
                select sum(entry.amount) from license_billing.credit_entries as entry
                where entry.license_id = license.id
            )
            from license_billing.licenses as license
            where license.license_key = :license_key
        """,
    ),
    Case(
        "double apply",
        "event_delivered_twice",
        wrong="select account.amount > 100 from racy.account where account.id = :account",
    ),
    Case(
        "overdraft",
        "two_reservations_one_balance",
        target="credit_purchase",
        variant="balance_checked_without_lock",
        unmasked=True,
        wrong="""
            select profile.credit_balance < 0
            from credit_purchase.user_profiles as profile
            where profile.id = :owner
        """,
    ),
    Case("write skew", "both_draw_on_one_limit", wrong="select sum(amount) < 0 from racy.account"),
    Case(
        "status acted on twice",
        "expiry_against_completion",
        target="lead_marketplace",
        variant="expiry_without_recheck",
        wrong="""
            select purchase.status <> 'refund_due'
            from lead_marketplace.marketplace_purchases as purchase
            where purchase.id = :late
        """,
    ),
    Case("phantom", "overlapping_hours_booked", wrong="select :ok > 1"),
    Case(
        "raw unique violation",
        "one_period_allocated_twice",
        target="peer_booking",
        variant="period_inserted_where_not_exists",
        error="23505",
    ),
    Case(
        "deadlock",
        "opposite_bookings",
        target="peer_booking",
        variant="locks_in_caller_order",
        error="40P01",
    ),
]


async def explorer_against_bursts(server: Server, tries: int = TRIES) -> str:
    """Return a table: of so many bursts, how many found the mistake, and when the explorer did."""
    sizes = " | ".join(f"{size} callers" for size in SIZES)
    lines = [
        f"| mistake | function | {sizes} | explorer: first counterexample |",
        f"|---|---|{'---|' * len(SIZES)}---|",
    ]
    for case in CASES:
        async with case_form(Workbench(server), case) as (form, target):
            found = [await _found(server, form, target, case, size, tries) for size in SIZES]
            schedules, seconds = await first_counterexample(Workbench(server), form, target, case)
        explored = f"{schedules} schedules, {seconds:.2f} s" if schedules else "none"
        lines.append(f"| {case.mistake} | {case.name} | {' | '.join(found)} | {explored} |")
    return "\n".join(lines)


@asynccontextmanager
async def case_form(bench: Workbench, case: Case) -> AsyncIterator[tuple[Form, Target]]:
    """Yield a case's target, with the mistake in it."""
    target = find_targets([case.target])[0] if case.target else load_target(_RACY)
    async with bench.as_written(target) as form:
        if not case.variant:
            yield form, target
            return
        variant = next(each for each in load_variants(target) if each.name == case.variant)
        async with bench.broken(form, variant, unmasked=case.unmasked) as broken:
            yield broken, target


async def first_counterexample(
    bench: Workbench, form: Form, target: Target, case: Case
) -> tuple[int, float]:
    """Return the explorer's schedules up to its first counterexample, and seconds; (0, 0) for none."""
    bounds = Bounds(first=True, replays=0)
    race = load_races(target, 1, [case.race])[0]
    async with bench.explorer(form, seed=1, bounds=bounds, arenas=ARENAS) as explorer:
        check = await explorer.explore(race)
    if not check.findings or not check.exploration:
        return 0, 0.0
    return check.exploration.schedules, check.seconds


async def _found(
    server: Server, form: Form, target: Target, case: Case, size: int, tries: int
) -> str:
    async with burst_of(server, form, target, case, size) as burst:
        wrong = tried = 0
        started = time.perf_counter()
        while tried < tries and time.perf_counter() - started < LONGEST:
            wrong += await burst.at_once()
            tried += 1
        return f"{wrong} of {tried}, {time.perf_counter() - started:.1f} s"


@dataclass(frozen=True)
class Caller:
    """One open connection, and what it sends."""

    connection: asyncpg.Connection
    session: Session
    literals: dict[str, str]


@dataclass(frozen=True)
class Burst:
    """So many callers in one database, again and again from the same ``beginning``, which is SQL."""

    case: Case
    target: Target
    race: Race
    control: asyncpg.Connection
    beginning: str
    callers: Sequence[Caller]

    async def at_once(self) -> bool:
        """Release every caller in the same moment; say whether the outcome is wrong."""
        await self.control.execute(self.beginning)
        return await self.is_wrong(await asyncio.gather(*(self._call(one) for one in self.callers)))

    async def one_by_one(self) -> bool:
        """Let one caller after another finish; say whether the outcome is wrong."""
        await self.control.execute(self.beginning)
        return await self.is_wrong([await self._call(one) for one in self.callers])

    async def _call(self, caller: Caller) -> list[str]:
        """Send what a caller sends, each statement by itself; return how each ended."""
        ended: list[str] = []
        for call in (each for transaction in caller.session.transactions for each in transaction):
            operation = self.target.operations.get(call.operation or "")
            text = inline(call.shown, caller.literals)
            try:
                rows = await caller.connection.fetch(text)
            except asyncpg.PostgresError as error:
                outcome = outcome_of_error(operation, error.sqlstate, str(error))
                return [*ended, error.sqlstate if outcome is not Outcome.REFUSED else "refused"]
            values = [[None if each is None else str(each) for each in row] for row in rows]
            ended.append(outcome_of_rows(operation, list(rows[0].keys()) if rows else [], values))
        return ended

    async def is_wrong(self, ended: Sequence[Sequence[str]]) -> bool:
        """Say whether the tables, or how each caller's calls ended, are wrong."""
        said = [each for one in ended for each in one]
        if self.case.error in said:
            return True
        literals = self.race.literals | {"ok": str(said.count(Outcome.OK))}
        return bool(await self.control.fetchval(inline(self.case.wrong, literals)))


@asynccontextmanager
async def burst_of(
    server: Server, form: Form, target: Target, case: Case, size: int
) -> AsyncIterator[Burst]:
    """Yield so many callers, who send what the race's sessions send, over and over.

    Values that the race's set-up doesn't name, such as keys, each caller has for itself.
    """
    race = load_races(target, 1, [case.race])[0]
    settings = {"default_transaction_isolation": race.isolation}
    role = target.target.role
    async with Workbench(server).clone(form) as name, AsyncExitStack() as stack:
        control = await server.connect(name)
        stack.callback(control.terminate)
        tables = await control.fetch(_TABLES, target.schemas)
        emptied = "".join(f"delete from {row['name']};" for row in tables)
        # Neither triggers (an append-only ledger forbids DELETE) nor foreign keys get in the way.
        beginning = (
            f"set session_replication_role = replica; {emptied}"
            f"set session_replication_role = origin; {race.setup}"
        )
        callers = []
        for number in range(size):
            connection = await server.connect(name, role=role, settings=settings)
            stack.callback(connection.terminate)
            session = race.sessions[number % len(race.sessions)]
            callers.append(Caller(connection, session, _literals(target, race, number)))
        yield Burst(case, target, race, control, beginning, callers)


def _literals(target: Target, race: Race, number: int) -> dict[str, str]:
    own = load_races(target, 1000 + number, [race.name])[0].literals
    shared = {name: text for name, text in race.literals.items() if text in race.setup}
    return own | shared
