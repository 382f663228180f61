"""``python -m service``: serve until interrupted. Mistakes are one clear line, and exit code 2."""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

_NEEDED = "asyncpg, fastapi, httpx, stripe, structlog, uvicorn"

try:
    import asyncpg
    import uvicorn

    from service.app import create_app
    from service.listening import listen
    from service.settings import STRIPE, Settings
except ModuleNotFoundError as missing:
    print(f"service: the package {missing.name} is missing; it needs {_NEEDED}", file=sys.stderr)
    sys.exit(2)

# Seconds, longer than clients keep idle connections: they would meet one that is closing, send a request
# into it, and never know what became of that.
_KEEP_ALIVE = 120


class _Mistake(Exception):  # noqa: N818 (an outcome)
    """What the user can put right."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes."""
    given = _parser().parse_args(arguments)
    try:
        settings = _settings(given)
        asyncio.run(_check_database(settings))
        listening = _listen(given.host, given.port)
    except _Mistake as mistake:
        print(f"service: {mistake}", file=sys.stderr)
        return 2
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(settings),
            log_config=None,
            access_log=False,
            timeout_keep_alive=_KEEP_ALIVE,
        )
    )
    if given.until_stdin_ends:
        threading.Thread(target=_end_with_stdin, args=[server], daemon=True).start()
    with listening:
        server.run(sockets=[listening])
    return 0


def _end_with_stdin(server: uvicorn.Server) -> None:
    """End the service when whoever started it is gone."""
    sys.stdin.buffer.read()
    server.should_exit = True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="service",
        description="The HTTP service over the five credit systems.",
        epilog="Secrets come from the environment: STRIPE_API_KEY, STRIPE_WEBHOOK_SECRETS (with commas"
        " between them), and"
        " DATABASE_URL in place of --dsn, which others on this machine can see.",
    )
    parser.add_argument("--dsn", default=os.environ.get("DATABASE_URL"), help="the database")
    parser.add_argument("--stripe-url", default=STRIPE, help="(default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="(default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="(default: %(default)s)")
    parser.add_argument("--public-url", help="where buyers come back to after paying")
    parser.add_argument(
        "--journal",
        type=Path,
        default=Path("unbilled-generations"),
        help="a folder that outlives the service (default: %(default)s)",
    )
    parser.add_argument(
        "--lease",
        type=int,
        default=60,
        help="seconds after which somebody else repeats a call to Stripe (default: %(default)s)",
    )
    parser.add_argument(
        "--stripe-timeout",
        type=float,
        default=15.0,
        help="seconds that one attempt may take (default: %(default)s)",
    )
    parser.add_argument(
        "--until-stdin-ends", action="store_true", help="end with whoever started it"
    )
    return parser


def _settings(given: argparse.Namespace) -> Settings:
    if not given.dsn:
        raise _Mistake("which database? Give --dsn postgresql://..., or set DATABASE_URL.")
    try:
        return _read(given)
    except ValueError as error:
        raise _Mistake(f"{error}.") from error


def _read(given: argparse.Namespace) -> Settings:
    return Settings(
        given.dsn,
        _secret("STRIPE_API_KEY"),
        tuple(_secret("STRIPE_WEBHOOK_SECRETS").split(",")),
        stripe_url=given.stripe_url,
        public_url=given.public_url or f"http://{given.host}:{given.port}",
        journal=given.journal,
        lease=given.lease,
        stripe_timeout=given.stripe_timeout,
    )


def _secret(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise _Mistake(f"{name} isn't set in the environment.")
    return value


async def _check_database(settings: Settings) -> None:
    """Raise _Mistake if the database doesn't let us in, or not as the role that we need."""
    try:
        session = await asyncpg.connect(
            settings.dsn, timeout=5, server_settings={"role": settings.role}
        )
        await session.close(timeout=5)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _Mistake(
            f'the database doesn\'t let the service in as "{settings.role}": {_why(error)}.'
            " Check the DSN; its user has to be a member of that role."
        ) from error


def _why(error: Exception) -> str:
    """Return a line about an error. Of a DSN that can't be read it may quote the password: not that."""
    if isinstance(error, ValueError):
        return "the DSN can't be read"
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise _Mistake(f"{host}:{port}: {why}. Give another --port.") from error


if __name__ == "__main__":
    sys.exit(main())
