"""What may be sent again says so: retryable errors are provoked, and have to come out as they are.

PostgreSQL's documentation of transaction isolation asks applications to send a transaction again
that ended with 40001 or 40P01; 55P03 (a lock wasn't available in time) is the same to a caller. A
function that turns one of them into a business refusal loses the request; one that raises such a
code for a business reason is sent again for ever.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from crossfoot.checks.contracts import Act, CanNotTellError, Connect, Contract, ContractRunner
from crossfoot.results import Check, Finding, Kind, Property
from crossfoot.target import Target
from crossfoot.verdicts import Outcome, Severity, Verdict

_PATIENCE = "10ms"
_TABLES_TOUCHED = """
select distinct lock.relation::regclass::text
from pg_locks as lock
inner join pg_class as class on lock.relation = class.oid
inner join pg_namespace as namespace on class.relnamespace = namespace.oid
where lock.pid = $1 and lock.locktype = 'relation' and class.relkind in ('r', 'p')
    and namespace.nspname = any ($2::text[])
order by 1"""
_A_COLUMN = """
select quote_ident(attname) from pg_attribute
where attrelid = $1::text::regclass and attnum > 0 and not attisdropped
    and attgenerated = '' and attidentity = ''
order by attnum limit 1"""

Place = AbstractAsyncContextManager[tuple[asyncpg.Connection, Connect]]
"""A database of its own: a superuser's connection to it, and how to make others."""


def retry_checks(target: Target, contracts: Sequence[Contract]) -> list[tuple[Check, Example]]:
    """Return a check for each operation, with the call that it disturbs."""
    return [(_new_check(name, target), Example.of(name, contracts)) for name in target.operations]


@dataclass(frozen=True)
class Example:
    """A call that ends well, and the contract that leads up to it."""

    contract: Contract | None = None
    before: tuple[Act, ...] = ()
    call: Act | None = None

    @classmethod
    def of(cls, operation: str, contracts: Sequence[Contract]) -> Example:
        """Return the call with the shortest way to it; one without a call if there is none."""
        found = [
            cls(contract, contract.acts[:number], act)
            for contract in contracts
            for number, act in enumerate(contract.acts)
            if act.operation == operation and act.expected
            if act.expected.outcome is Outcome.OK
        ]
        return min(found, key=lambda example: len(example.before), default=cls())


@dataclass
class Disturber:
    """Makes one call in transactions that are rolled back, while somebody else is in its way."""

    target: Target
    example: Example
    runner: ContractRunner
    superuser: asyncpg.Connection
    other: asyncpg.Connection
    stopped: int = 0
    tried: int = 0
    findings: list[Finding] = field(default_factory=list)

    async def disturb(self) -> None:
        """Lead up to the call, then disturb it at every table that it touches."""
        assert self.example.contract and self.example.call
        for act in self.example.before:
            await self.runner.act(act, self.example.contract)
        caller = await self.runner.caller_of(self.example.call)
        async with _rolled_back(caller):
            outcome, _said = await self.runner.send(self.example.call)
            rows = await self.superuser.fetch(
                _TABLES_TOUCHED, caller.get_server_pid(), self.target.schemas
            )
        if outcome is not Outcome.OK:
            return  # its contract says so
        for table in [row[0] for row in rows]:
            await self.busy(caller, table)
            await self.changed(caller, table)

    async def busy(self, caller: asyncpg.Connection, table: str) -> None:
        """Hold a lock on the table; the caller doesn't wait long."""
        async with _rolled_back(self.other), _rolled_back(caller):
            await self.other.execute(f"lock table {table} in access exclusive mode")
            await caller.execute(f"set local lock_timeout = '{_PATIENCE}'")
            await self.call(f"{table} was locked by somebody else", "55P03")

    async def changed(self, caller: asyncpg.Connection, table: str) -> None:
        """Write every row of the table after the caller has taken its snapshot."""
        column = await self.superuser.fetchval(_A_COLUMN, table)
        async with _rolled_back(caller, "repeatable_read"):
            await caller.execute("select 1")
            # The same values again, and no triggers: nothing changes but the rows' versions.
            async with self.other.transaction():
                await self.other.execute("set local session_replication_role = replica")
                await self.other.execute(f"update {table} set {column} = {column}")
            await self.call(f"rows of {table} were written after its snapshot", "40001")

    async def call(self, how: str, sqlstate: str) -> None:
        """Make the call; whatever it says but ok or a retryable error is a finding."""
        assert self.example.call
        outcome, said = await self.runner.send(self.example.call)
        self.tried += 1
        self.stopped += outcome is Outcome.RETRYABLE
        if outcome not in {Outcome.OK, Outcome.RETRYABLE}:
            self.findings.append(
                Finding(
                    subject=self.example.call.operation or "",
                    summary=f"ended {outcome} ({said}) when {how}; {sqlstate} was to come out",
                    explanation=f"Alone the same call ends ok. When {how}, it could have been sent"
                    f" again and would have succeeded, but its caller was told {outcome}.",
                    anomaly="retryable_as_refusal",
                )
            )


async def run_retry_check(check: Check, example: Example, target: Target, place: Place) -> Check:
    """Disturb one operation's call in a database of its own; return the check with its verdict."""
    started = time.perf_counter()
    if example.call is None:
        check.reason = "No contract calls it with an outcome of ok."
        return check
    async with place as (superuser, connect):
        other = await connect()
        runner = ContractRunner(superuser, connect, {}, target)
        disturber = Disturber(target, example, runner, superuser, other)
        try:
            await disturber.disturb()
        except CanNotTellError as error:
            check.reason = str(error)
            return check
        finally:
            await runner.close()
            await other.close()
    check.findings = disturber.findings
    check.population = {"disturbances": str(disturber.tried), "retryable": str(disturber.stopped)}
    if check.findings:
        check.verdict = Verdict.FAIL
    elif disturber.stopped:
        check.verdict = Verdict.PASS
    else:
        check.reason = "No disturbance stopped its call, so this shows nothing."
    check.seconds = time.perf_counter() - started
    return check


def _new_check(operation: str, target: Target) -> Check:
    return Check(
        kind=Kind.RETRY,
        name=operation,
        title="Busy and changed rows come out as 55P03 and 40001",
        verdict=Verdict.UNKNOWN,
        severity=Severity.HIGH,
        properties=[Property.RETRY],
        detects=["retryable_as_refusal", "lock_timeout_as_refusal", "exception_swallowed"],
        operations=[operation],
        file=target.content.relative(target.file),
        about="A call that ends well is made while another session holds a lock on each table it"
        " touches, and at repeatable read after another session has written each of them.",
    )


@asynccontextmanager
async def _rolled_back(
    connection: asyncpg.Connection, isolation: str = "read_committed"
) -> AsyncIterator[None]:
    transaction = connection.transaction(isolation=isolation)
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()
