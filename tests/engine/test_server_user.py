"""A user's own server: what can't work is refused in one line, and a run leaves it as it was."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

import pytest
import server_stand_ins as stand_ins
from server_stand_ins import SECRET

from crossfoot.errors import ServerError
from crossfoot.server import open_server
from crossfoot.server.dsn import Dsn
from crossfoot.server.embedded import Embedded, free_port
from crossfoot.server.external import Facts, check

FACTS = Facts(180006, "18.6", "PostgreSQL 18.6 on x", False, False, "app", False, True)
LIMITED = {
    "app": "createdb",
    "powerless": "",
    "reader": "createdb",
    "creator": "createdb createrole",
}


@pytest.fixture(scope="module")
def users_server() -> Iterator[Embedded]:
    async def roles(server: Embedded) -> None:
        async with stand_ins.admin(server) as admin:
            for name, options in LIMITED.items():
                await stand_ins.login(admin, name, options)
            await admin.execute("alter role reader set default_transaction_read_only = on")

    with stand_ins.running_server() as server:
        asyncio.run(roles(server))
        yield server


async def names(server: Embedded, query: str = "select datname from pg_database") -> set[str]:
    async with stand_ins.admin(server) as admin:
        return {name for (name,) in await admin.fetch(query)}


async def roles(server: Embedded) -> set[str]:
    return await names(server, "select rolname from pg_roles")


def refusal(dsn: str) -> ServerError:
    """Open a server that can't be opened; return the error, which has to be fit to be shown."""

    async def scenario() -> None:
        async with open_server(dsn):
            raise AssertionError("it opened")

    with pytest.raises(ServerError) as refused:
        asyncio.run(scenario())
    error = refused.value
    assert SECRET not in str(error) and "hunter2" not in str(error)
    assert "\n" not in error.message
    assert error.remedy
    return error


def test_a_users_server_is_described_without_its_password(users_server: Embedded) -> None:
    async def scenario() -> None:
        async with open_server(stand_ins.as_user(users_server, "app")) as server:
            assert not server.embedded and not server.superuser
            assert server.description == (
                f"PostgreSQL {users_server.binaries.version} at 127.0.0.1:{users_server.port}"
            )
            assert "hunter2" not in server.psql("postgres") + repr(server)
            assert "hunter2" in server.dsn("postgres")
            with pytest.raises(ServerError, match="Only the embedded"):
                await server.restart()

    asyncio.run(scenario())


def test_a_keyword_dsn_opens_a_server(users_server: Embedded) -> None:
    async def scenario() -> None:
        secret = SECRET.replace("'", r"\'")
        dsn = f"host=127.0.0.1 port={users_server.port} user=app password='{secret}'"
        async with open_server(dsn) as server:
            assert await server.create_database("x") in await names(users_server)

    asyncio.run(scenario())


def test_a_wrong_password_is_refused(users_server: Embedded) -> None:
    dsn = Dsn("app", SECRET + "!", users_server.dsn.hosts, "postgres").url()
    assert "password of app" in refusal(dsn).message


def test_an_unknown_user_is_refused(users_server: Embedded) -> None:
    assert "nosuchuser" in refusal(stand_ins.as_user(users_server, "nosuchuser")).message


def test_an_unknown_database_is_refused(users_server: Embedded) -> None:
    assert (
        'no database "nowhere"'
        in refusal(stand_ins.as_user(users_server, "app", "nowhere")).message
    )


def test_a_role_that_may_not_create_databases_is_refused_with_the_grant(
    users_server: Embedded,
) -> None:
    error = refusal(stand_ins.as_user(users_server, "powerless"))
    assert 'alter role "powerless" createdb;' in error.remedy


def test_a_read_only_role_is_refused_with_the_setting(users_server: Embedded) -> None:
    error = refusal(stand_ins.as_user(users_server, "reader"))
    assert 'alter role "reader" set default_transaction_read_only = off;' in error.remedy


def test_a_port_that_nobody_listens_on_is_told() -> None:
    place = f"127.0.0.1:{free_port()}"
    error = refusal(f"postgresql://app:hunter2@{place}/shop")
    assert error.message == f"{place} can't be reached: nothing listens there."


def test_a_host_that_doesnt_exist_is_told() -> None:
    error = refusal("postgresql://app:hunter2@nosuchhost.invalid/shop")
    assert "nosuchhost.invalid:5432 can't be reached" in error.message


def test_a_dsn_that_cant_be_read_is_told() -> None:
    assert "can't be read" in refusal("postgresql://app:hunter2/x@db/shop").message


def test_parameters_that_cant_be_used_are_told() -> None:
    refusal("postgresql://app:hunter2@127.0.0.1/shop?sslmode=hunted")


async def _speaks_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(8)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()


async def _hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _is_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("tls", ["prefer", "disable"])
@pytest.mark.parametrize(
    ("handler", "timeout", "message"),
    [
        (_speaks_http, 60, "doesn't answer as PostgreSQL does"),
        (_hangs_up, 60, "doesn't answer as PostgreSQL does"),
        (_is_silent, 1, "doesn't answer within 1 s"),
    ],
)
def test_something_else_at_the_port_is_told(
    handler: stand_ins.Handler, timeout: int, message: str, tls: str
) -> None:
    async def scenario() -> None:
        async with stand_ins.listening(handler) as port:
            place = f"postgresql://a:hunter2@127.0.0.1:{port}/x"
            dsn = f"{place}?sslmode={tls}&connect_timeout={timeout}"
            async with open_server(dsn):
                raise AssertionError("it opened")

    with pytest.raises(ServerError, match=message) as refused:
        asyncio.run(scenario())
    assert refused.value.remedy and "hunter2" not in str(refused.value)


def test_a_server_without_tls_is_told_when_tls_is_required(users_server: Embedded) -> None:
    error = refusal(users_server.dsn.url().replace("sslmode=disable", "sslmode=require"))
    assert "no encrypted connection" in error.message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"number": 130011, "product": "PostgreSQL 13.11 on x"}, "PostgreSQL 13.11, which is too"),
        ({"product": "CockroachDB CCL v23"}, "CockroachDB"),
        ({"in_recovery": True}, "standby"),
        ({"read_only": True}, "read-only"),
        ({"createdb": False}, "may not create databases"),
    ],
)
def test_a_server_that_cant_serve_a_run_is_refused(
    changes: dict[str, object], message: str
) -> None:
    check(FACTS, Dsn.parse("postgresql://db/x"))
    with pytest.raises(ServerError, match=message) as refused:
        check(Facts(**{**vars(FACTS), **changes}), Dsn.parse("postgresql://db/x"))
    assert refused.value.remedy


def test_missing_roles_are_made_and_removed_by_the_last_run_that_uses_them(
    users_server: Embedded,
) -> None:
    async def scenario() -> None:
        dsn = users_server.dsn.url()
        before = await roles(users_server)
        async with AsyncExitStack() as first:
            one = await first.enter_async_context(open_server(dsn))
            await asyncio.gather(one.ensure_roles(["app", "shared"]), one.ensure_roles(["shared"]))
            async with open_server(dsn) as two:
                await two.ensure_roles(["shared", "second"])
                name = await two.create_database("owned")
                connection = await two.connect(name)
                await connection.execute('create schema s authorization "shared"')
                await connection.close()
                await first.aclose()
                assert await roles(users_server) == before | {"shared", "second"}
        assert await roles(users_server) == before

    asyncio.run(scenario())


def test_a_role_that_something_depends_on_by_now_stays(users_server: Embedded) -> None:
    async def scenario() -> None:
        dsn = users_server.dsn.url()
        async with stand_ins.admin(users_server) as admin:
            async with open_server(dsn) as server:
                await server.ensure_roles(["needed"])
                await admin.execute("create schema theirs authorization needed")
            assert "needed" in await roles(users_server)
            await admin.execute("drop schema theirs")
        async with open_server(dsn):
            assert "needed" not in await roles(users_server)

    asyncio.run(scenario())


def test_a_role_without_createrole_is_refused_with_the_grant(users_server: Embedded) -> None:
    async def scenario(missing: list[str]) -> ServerError:
        async with open_server(stand_ins.as_user(users_server, "app")) as server:
            with pytest.raises(ServerError) as refused:
                await server.ensure_roles(missing)
            return refused.value

    missing = asyncio.run(scenario(["nowhere_yet"]))
    assert 'alter role "app" createrole;' in missing.remedy
    foreign = asyncio.run(scenario(["creator"]))
    assert 'grant "creator" to "app";' in foreign.remedy


def test_a_role_with_createrole_can_take_what_it_makes(users_server: Embedded) -> None:
    async def scenario() -> None:
        before = await roles(users_server)
        async with open_server(stand_ins.as_user(users_server, "creator")) as server:
            await server.ensure_roles(["made_by_creator"])
            name = await server.create_database("x")
            connection = await server.connect(name, role="made_by_creator")
            assert await connection.fetchval("select current_user") == "made_by_creator"
            await connection.close()
        assert await roles(users_server) == before

    asyncio.run(scenario())


def test_a_run_sweeps_what_dead_runs_left_and_nothing_else(users_server: Embedded) -> None:
    dsn = users_server.dsn.url()

    async def swept(dead: str) -> bool:
        async with open_server(dsn):
            return dead not in await names(users_server)

    async def scenario() -> None:
        async with open_server(dsn) as live:
            alive = await live.create_database("live")
            await live.ensure_roles(["of_a_live_run"])
            with stand_ins.opener(dsn) as child:
                assert stand_ins.line_of(child) == "opening"
                dead = stand_ins.line_of(child).split()[0]
                assert dead in await names(users_server)
                async with stand_ins.admin(users_server) as admin:
                    await admin.execute("create database crossfoot_notes")
                child.kill()
                child.wait()
            for _ in range(100):  # PostgreSQL may take a moment to notice
                if await swept(dead):
                    break
                await asyncio.sleep(0.05)
            left = await names(users_server)
            assert dead not in left
            assert {alive, "crossfoot_notes"} <= left
            assert "of_a_live_run" in await roles(users_server)

    asyncio.run(scenario())


def test_kept_databases_outlive_later_runs(users_server: Embedded) -> None:
    async def scenario() -> None:
        dsn = users_server.dsn.url()
        async with open_server(dsn) as server:
            kept = await server.create_database("kept")
            server.keep = True
            assert f'drop database "{kept}";' in server.keep_hint()
        async with open_server(dsn):
            assert kept in await names(users_server)

    asyncio.run(scenario())


@contextmanager
def heeded(number: signal.Signals) -> Iterator[None]:
    """Let what is started meanwhile heed a signal that this process ignores, as nohup has it."""
    usual = signal.getsignal(number)
    if usual is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(number, usual)


@pytest.mark.parametrize("uvloop", [False, True])
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, -2)]
)
def test_a_signal_ends_a_run_with_everything_cleaned(
    number: signal.Signals, status: int, uvloop: bool, users_server: Embedded
) -> None:
    with heeded(number), stand_ins.opener(users_server.dsn.url(), uvloop=uvloop) as child:
        assert stand_ins.line_of(child) == "opening"
        name = stand_ins.line_of(child).split()[0]
        assert name in asyncio.run(names(users_server))
        child.send_signal(number)
        _, said = child.communicate(timeout=120)
        assert child.returncode == status
        assert "never retrieved" not in said
        assert name not in asyncio.run(names(users_server))
