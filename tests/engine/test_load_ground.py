"""What a load runs against is kept in order while it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crossfoot.background import BackgroundServer
from crossfoot.load import ground as ground_module
from crossfoot.load.ground import make_database, open_ground
from crossfoot.load.population import FILE
from crossfoot.target import load_target

BINDING = """
[target]
name = "purses"
about = "Purses"
sql = ["schema.sql"]
schemas = ["purses"]

[fixtures.purse]
values = { purse = "uuid" }
sql = "insert into purses.purse (id) values (:purse)"
"""
SCHEMA = "create schema purses; create table purses.purse (id uuid primary key, balance integer)"
KNOWN = "select reltuples from pg_class where oid = 'purses.purse'::regclass"
GROWN = "insert into purses.purse (id) select gen_random_uuid() from generate_series(1, 5000)"


def test_tables_that_grow_under_load_are_counted_anew(
    tmp_path: Path, server: BackgroundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "schema.sql").write_text(SCHEMA)
    (tmp_path / "target.toml").write_text(BINDING)
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text("[purses]\npurse = { count = 2 }")
    target = load_target(tmp_path / "target.toml")
    if not server.server.embedded:
        pytest.skip("a server of somebody else's has autovacuum")
    monkeypatch.setattr(ground_module, "_HOUSE", 0.01)

    async def counted() -> tuple[int, int]:
        database, _ = await make_database(server.server, [target], 1)
        async with (
            asyncio.timeout(30),
            open_ground(server.server, database, [target], 1) as ground,
            ground.connection() as connection,
        ):
            before = int(await connection.fetchval(KNOWN))
            await connection.execute(GROWN)
            while (after := int(await connection.fetchval(KNOWN))) == before:
                await asyncio.sleep(0.01)
        await server.server.drop_database(database)
        return before, after

    assert server.run(counted()) == (2, 5002)
