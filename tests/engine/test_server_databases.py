"""Databases of a run: made, cloned and dropped; no other is ever touched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
import server_stand_ins as stand_ins

from crossfoot.errors import ServerError
from crossfoot.server import Server, open_server
from crossfoot.server.databases import _not_made
from crossfoot.server.embedded import Embedded


@pytest.fixture(scope="module")
def users_server() -> Iterator[Embedded]:
    with stand_ins.running_server() as server:
        yield server


async def names(server: Embedded) -> set[str]:
    async with stand_ins.admin(server) as admin:
        return {name for (name,) in await admin.fetch("select datname from pg_database")}


async def fill(server: Server, name: str) -> None:
    connection = await server.connect(name)
    await connection.execute("create table t as select generate_series(1, 10) as n")
    await connection.close()


async def count(server: Server, name: str) -> int:
    connection = await server.connect(name)
    try:
        return int(await connection.fetchval("select count(*) from t"))
    finally:
        await connection.close()


@pytest.mark.parametrize("embedded", [True, False])
def test_clones_made_at_once_have_the_templates_rows(
    embedded: bool, users_server: Embedded
) -> None:
    async def scenario() -> None:
        async with open_server(None if embedded else users_server.dsn.url()) as server:
            template = await server.create_database("template")
            await fill(server, template)
            clones = await asyncio.gather(
                *(server.create_database("clone", template) for _ in range(4))
            )
            assert len(set(clones)) == 4
            assert [await count(server, clone) for clone in clones] == [10] * 4

    asyncio.run(scenario())


def test_names_tell_run_purpose_and_number_and_fit(users_server: Embedded) -> None:
    async def scenario() -> None:
        async with open_server(users_server.dsn.url()) as server:
            name = await server.create_database("p" * 30)
            crossfoot, run, purpose, number = name.split("_")
            assert (crossfoot, len(run), purpose, number) == ("crossfoot", 8, "p" * 30, "1")
            assert len(name) <= 63
            for wrong in ("", "p" * 31, "Drop", 'a"; drop'):
                with pytest.raises(ServerError):
                    await server.create_database(wrong)

    asyncio.run(scenario())


def test_a_database_is_dropped_with_whoever_is_in_it_and_only_once(users_server: Embedded) -> None:
    async def scenario() -> None:
        async with open_server(users_server.dsn.url()) as server:
            name = await server.create_database("busy")
            inside = await server.connect(name)
            await server.drop_database(name)
            assert name not in await names(users_server)
            inside.terminate()
            with pytest.raises(ServerError):
                await server.drop_database(name)

    asyncio.run(scenario())


def test_a_database_that_the_run_didnt_make_is_neither_dropped_nor_written_to(
    users_server: Embedded,
) -> None:
    async def scenario() -> None:
        async with stand_ins.admin(users_server) as admin:
            await admin.execute("create database shop")
        async with open_server(users_server.dsn.url()) as server:
            for foreign in ("shop", "postgres", "crossfoot_0123abcd_x_1"):
                with pytest.raises(ServerError, match="isn't one that this run made") as refused:
                    await server.drop_database(foreign)
                assert refused.value.remedy
            connection = await server.connect("shop")
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await connection.execute("create table t (n int)")
            await connection.close()
        assert "shop" in await names(users_server)

    asyncio.run(scenario())


def test_every_database_is_gone_after_the_run(users_server: Embedded) -> None:
    async def scenario() -> None:
        before = await names(users_server)
        with pytest.raises(ZeroDivisionError):
            async with open_server(users_server.dsn.url()) as server:
                await server.create_database("a")
                await server.create_database("b")
                raise ZeroDivisionError
        assert await names(users_server) == before

    asyncio.run(scenario())


def test_a_template_that_somebody_is_in_is_named() -> None:
    error = _not_made(asyncpg.ObjectInUseError("source database is being accessed"), "tmpl")
    assert '"tmpl"' in error.message
    assert error.remedy


def test_a_role_and_settings_are_taken_on_connecting(users_server: Embedded) -> None:
    async def scenario() -> None:
        async with open_server(users_server.dsn.url()) as server:
            await server.ensure_roles(['caller "x"'])
            name = await server.create_database("role")
            connection = await server.connect(
                name, role='caller "x"', settings={"lock_timeout": "5s"}
            )
            assert await connection.fetchval("select current_user") == 'caller "x"'
            assert await connection.fetchval("show lock_timeout") == "5s"
            await connection.close()
            with pytest.raises(ServerError, match="nosuchrole"):
                await server.connect(name, role="nosuchrole")

    asyncio.run(scenario())
