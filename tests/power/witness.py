"""What functions do when nobody else is there: told call by call, to be compared with and without steps.

Each call is also made with a fault at its first write, its second, and so on: a trigger on every table
raises there, and the error's context names each function on the way and its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from crossfoot.apply import apply_text
from crossfoot.background import BackgroundServer
from crossfoot.explorer.instrument import instrument
from crossfoot.explorer.instrumented import Instrumented
from crossfoot.rendering import render
from crossfoot.sql import Query

# Nothing rolls a sequence back: a function that catches the fault and tries again isn't hit again.
_FAULTS = """
create schema fault;
create sequence fault.write;
create function fault.strike() returns trigger language plpgsql security definer as $$
declare
    v_at bigint := nullif(current_setting('fault.at', true), '');
begin
    if v_at is not null then
        if nextval('fault.write') = v_at then
            raise exception 'a fault' using errcode = 'P0777';
        end if;
    end if;
    return null;
end $$;
"""
_STRIKE = """
create trigger zz_fault before insert or update or delete on {} for each statement
execute function fault.strike()
"""
_TABLES = """
select c.oid::regclass::text from pg_class as c
where c.relkind in ('r', 'p') and not c.relispartition
    and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'crossfoot', 'fault')
order by 1
"""
_OPEN_STEPS = """
create sequence if not exists crossfoot.turn_1 minvalue 0;
select setval('crossfoot.turn_1', 1099511627776);
"""
_STEP = "crossfoot step "
_DRAWN = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d(?::?\d\d)?)?"
)
_STATEMENT = re.compile(r'(?<=" statement )\d+')
_EXECUTED = re.compile(r"(?:select|assert) crossfoot\.step\(\d+\); ")
MOST_FAULTS = 30  # writes of one call


@dataclass
class Told:
    """What one call came to: rows or an error, notices, and the rows of every table afterwards."""

    call: str
    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    error: dict[str, str] = field(default_factory=dict)
    notices: list[tuple[str, str, str]] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)


@dataclass
class Witness:
    """One database, and the connections of the roles that call there."""

    server: BackgroundServer
    database: str
    real: frozenset[str]
    superuser: asyncpg.Connection
    callers: dict[str | None, asyncpg.Connection] = field(default_factory=dict)
    tables: str = ""
    stepped: bool = False
    steps: set[int] = field(default_factory=set)
    kept: dict[str, object] = field(default_factory=dict)

    async def arm(self) -> None:
        """Put the faults in; from here on steps announce themselves, if there are any."""
        await self.superuser.execute(_FAULTS)
        names = [name for (name,) in await self.superuser.fetch(_TABLES)]
        for name in names:
            await self.superuser.execute(_STRIKE.format(name))
        self.tables = " union all ".join(f"select '{n} ' || x::text from {n} as x" for n in names)
        if self.stepped:
            await self.superuser.execute(_OPEN_STEPS)

    async def caller(self, role: str | None) -> asyncpg.Connection:
        """Return the connection of a role; None is the superuser's own."""
        if role not in self.callers:
            connection = await self.server.server.connect(self.database, role=role)
            if self.stepped:
                await connection.execute(
                    "set crossfoot.slot = 1; set plpgsql.check_asserts = on;"
                    " select crossfoot.count_arrivals(0)"
                )
            self.callers[role] = connection
        return self.callers[role]

    async def set_up(self, text: str) -> None:
        """Run statements of the superuser."""
        if text:
            await self.superuser.execute(text)

    async def faults(self, query: Query, role: str | None) -> list[Told]:
        """Make a call with a fault at each of its writes in turn; take each back."""
        caller, found = await self.caller(role), list[Told]()
        for at in range(1, MOST_FAULTS + 1):
            await self.superuser.execute("select setval('fault.write', 1, false)")
            await caller.execute(f"begin; set local fault.at = {at}")
            told = await self._tell(caller, query)
            await caller.execute("rollback")
            writes = await self.superuser.fetchrow("select last_value, is_called from fault.write")
            if not writes["is_called"] or writes["last_value"] < at:
                return found
            found.append(told)
        raise AssertionError(f"more than {MOST_FAULTS} writes: {query.text}")

    async def call(self, query: Query, role: str | None, keep: str | None = None) -> Told:
        """Make a call, for good."""
        told = await self._tell(await self.caller(role), query, keep)
        rows = await self.superuser.fetch(self.tables) if self.tables else []
        told.tables = sorted(self._plain(row) for (row,) in rows)
        return told

    async def _tell(
        self, caller: asyncpg.Connection, query: Query, keep: str | None = None
    ) -> Told:
        told = Told(query.text)

        def heard(_: object, message: Any) -> None:
            if message.message.startswith(_STEP):
                self.steps.add(int(message.message[len(_STEP) :].split()[0]))
            else:
                context = message.context or ""
                told.notices.append(
                    (message.severity, self._plain(message.message), self._plain(context))
                )

        caller.add_log_listener(heard)
        try:
            rows = await caller.fetch(query.text, *query.arguments(self.kept))
            if caller.is_in_transaction():
                await caller.execute("set constraints all immediate")
            told.rows = [tuple(self._cell(render(value)) for value in row) for row in rows]
            if keep:
                self.kept[keep] = rows[0][0] if rows else None
        except asyncpg.PostgresError as error:
            said = error.as_dict()
            told.error = {k: self._plain(str(v)) for k, v in said.items() if k != "query"}
        finally:
            caller.remove_log_listener(heard)
        return told

    def _cell(self, value: str | None) -> str | None:
        return value if value is None else self._plain(value)

    def _plain(self, text: str) -> str:
        """Leave out what differs: drawn ids and times, and the steps themselves.

        A step is a statement in SQL functions, and stands in the text of a string that is executed.
        """
        if self.stepped:
            text = _EXECUTED.sub("", text)
            text = _STATEMENT.sub(lambda found: str(int(found[0]) // 2), text)
        return _DRAWN.sub(lambda found: found[0] if found[0] in self.real else "~", text)


@dataclass
class Pair:
    """The same database twice, without and with steps."""

    plain: Witness
    stepped: Witness
    found: Instrumented

    async def both_with_faults(self, query: Query, role: str | None = None) -> None:
        """Make a call in both with a fault at each write; fail if they tell two stories."""
        stepped = await self.stepped.faults(query, role)
        plain = await self.plain.faults(query, role)
        assert stepped == plain

    async def both(self, query: Query, role: str | None = None, keep: str | None = None) -> None:
        """Make a call in both, for good; fail if they tell two stories."""
        stepped = await self.stepped.call(query, role, keep)
        plain = await self.plain.call(query, role, keep)
        assert stepped == plain

    async def set_up(self, text: str) -> None:
        """Run statements of the superuser in both."""
        await self.plain.set_up(text)
        await self.stepped.set_up(text)

    def silent(self) -> set[str]:
        """Return the functions with steps of which none was reached."""
        steps = self.found.steps
        reached = {steps[number].function for number in self.stepped.steps}
        # One that always raises never comes to the step before its end.
        return {step.function for step in steps.values() if step.kind != "return"} - reached


async def open_pair(
    stack: AsyncExitStack, server: BackgroundServer, files: Mapping[str, str], real: Sequence[str]
) -> Pair:
    """Open two databases with these SQL files (shown name: text) applied, one of them with steps."""
    witnesses = []
    for _ in range(2):
        name = await server.server.create_database("alone")
        stack.push_async_callback(server.server.drop_database, name)
        connection = await server.server.connect(name)
        witness = Witness(server, name, frozenset(real), connection)
        stack.push_async_callback(_close, witness)
        for shown, text in files.items():
            await apply_text(connection, text, shown)
        witnesses.append(witness)
    plain, stepped = witnesses
    found = await instrument(stepped.superuser)
    stepped.stepped = True
    for witness in witnesses:
        await witness.arm()
    return Pair(plain, stepped, found)


async def _close(witness: Witness) -> None:
    for connection in [witness.superuser, *witness.callers.values()]:
        connection.terminate()
