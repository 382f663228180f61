"""A pooler in transaction mode is refused: behind one, every result would be wrong in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
import server_stand_ins as stand_ins

from crossfoot.errors import ServerError
from crossfoot.server import open_server, pooler
from crossfoot.server.connections import connect
from crossfoot.server.dsn import Dsn
from crossfoot.server.embedded import Embedded


@pytest.fixture(scope="module")
def users_server() -> Iterator[Embedded]:
    async def role(server: Embedded) -> None:
        stand_ins.trust_local(server, "pooled")
        async with stand_ins.admin(server) as admin:
            await stand_ins.login(admin, "pooled", "superuser")
            await admin.execute("select pg_reload_conf()")

    with stand_ins.running_server() as server:
        asyncio.run(role(server))
        yield server


@pytest.mark.parametrize(
    ("size", "queue", "honest", "sign"),
    [
        (3, asyncio.LifoQueue, True, "different processes"),
        (3, asyncio.Queue, True, "different processes|process numbers"),
        (5, asyncio.LifoQueue, True, "different processes"),
        (5, asyncio.Queue, True, "different processes|process numbers"),
        (3, asyncio.LifoQueue, False, "process numbers"),
        (1, asyncio.LifoQueue, True, "waits for another one"),
    ],
)
def test_a_pooler_in_transaction_mode_is_refused(
    size: int,
    queue: type[asyncio.Queue[int]],
    honest: bool,
    sign: str,
    users_server: Embedded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if size < 3:
        monkeypatch.setattr(pooler, "_PATIENCE", 0.5)

    async def scenario() -> None:
        stand_in = stand_ins.TransactionPooler(size, queue, honest=honest)
        async with stand_in.listening(users_server, "pooled") as dsn, open_server(dsn):
            raise AssertionError("it opened")

    with pytest.raises(ServerError, match=sign) as refused:
        asyncio.run(scenario())
    assert "PostgreSQL itself" in refused.value.remedy


def test_postgresql_itself_is_not_taken_for_a_pooler(users_server: Embedded) -> None:
    asyncio.run(pooler.refuse_pooler(users_server.dsn))


def test_postgresql_itself_far_away_is_not_taken_for_a_pooler(
    users_server: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer takes its time there, and there are many; but none waits for another's end."""
    execute = asyncpg.Connection.execute

    async def from_afar(self: asyncpg.Connection, *statement: str) -> str:
        await asyncio.sleep(0.05)
        return str(await execute(self, *statement))

    monkeypatch.setattr(asyncpg.Connection, "execute", from_afar)
    monkeypatch.setattr(pooler, "_PATIENCE", 1.0)
    asyncio.run(pooler.refuse_pooler(users_server.dsn))


def test_the_stand_in_is_a_working_pooler_otherwise(users_server: Embedded) -> None:
    """Or the refusals above would prove nothing."""

    async def scenario() -> None:
        stand_in = stand_ins.TransactionPooler(2, asyncio.Queue, honest=True)
        async with stand_in.listening(users_server, "pooled") as dsn:
            connection = await connect(Dsn.parse(dsn), statement_cache_size=0)
            async with connection.transaction():
                assert await connection.fetchval("select 6 * 7") == 42
            await connection.close()

    asyncio.run(scenario())
