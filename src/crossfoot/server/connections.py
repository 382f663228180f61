"""Connections, and what it means when there is none: one clear line and a remedy."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterable, Mapping

import asyncpg

from crossfoot.errors import ServerError
from crossfoot.server.dsn import Dsn, redact

# Our own connections stay open while others work. A firewall, or the server's own settings, might
# end one that is quiet for long, and with it the locks that it holds.
QUIET = {"idle_session_timeout": "0", "tcp_keepalives_idle": "30"}


_FAILURES = (
    OSError, ValueError,
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
)  # fmt: skip


async def connect(
    dsn: Dsn,
    database: str | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    statement_cache_size: int = 100,
) -> asyncpg.Connection:
    """Connect to ``database`` (default: the DSN's). Raises ServerError, with the DSN redacted."""
    try:
        return await asyncpg.connect(
            dsn.url(database),
            timeout=dsn.timeout,
            statement_cache_size=statement_cache_size,
            server_settings={"application_name": "crossfoot", **(settings or {})},
        )
    except _FAILURES as error:
        raise refusal(error, dsn, database or dsn.database) from error


def refusal(error: Exception, dsn: Dsn, database: str) -> ServerError:
    """Return the error for a connection that wasn't made."""
    sentence, remedy = next(
        (sentence, remedy) for kinds, sentence, remedy in _REASONS if isinstance(error, kinds)
    )
    facts = {
        "place": dsn.place,
        "user": dsn.user or "the default user",
        "database": database or "the default database",
        "seconds": f"{dsn.timeout:.0f}",
        "why": _why(error),
    }
    if "rejected SSL upgrade" in str(error):
        required = dsn.options.get("sslmode", "prefer") not in {"prefer", "allow"}
        sentence, remedy = _NO_TLS if required else _NOT_POSTGRESQL
    return ServerError(redact(sentence.format(**facts)), remedy=redact(remedy.format(**facts)))


def _why(error: Exception) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    if isinstance(error, socket.gaierror):
        return "the host's name isn't known"
    if isinstance(error, OSError) and re.search("Connect call failed|refused", text):
        return "nothing listens there"
    return text


_NOT_POSTGRESQL = (
    "What listens at {place} doesn't answer as PostgreSQL does.",
    "Check host and port in the DSN.",
)
_NO_TLS = ("{place} offers no encrypted connection.", "Check sslmode in the DSN.")


# The first line that fits is taken, so the special stands before the general.
_REASONS: Iterable[tuple[tuple[type[Exception], ...], str, str]] = (
    (
        (asyncpg.InvalidPasswordError,),
        "{place} refuses the password of {user}.",
        "Check user and password in the DSN; the password has to be percent-encoded in a URL.",
    ),
    (
        (asyncpg.InvalidAuthorizationSpecificationError,),
        "{place} doesn't let {user} in: {why}.",
        "Check the user in the DSN, and the server's pg_hba.conf.",
    ),
    (
        (asyncpg.InvalidCatalogNameError,),
        '{place} has no database "{database}".',
        "Name one that exists, such as postgres; Crossfoot makes its own databases beside it.",
    ),
    (
        (asyncpg.TooManyConnectionsError,),
        "{place} takes no more connections: {why}.",
        "Raise max_connections, or the role's connection limit, or end other sessions.",
    ),
    (
        (asyncpg.CannotConnectNowError,),
        "{place} takes no connections now: {why}.",
        "Try again once the server is up.",
    ),
    (
        (asyncpg.ProtocolViolationError,),
        "{place} refuses the connection: {why}.",
        "A connection pooler does that. Give the address of PostgreSQL itself.",
    ),
    (
        (
            asyncpg.ConnectionDoesNotExistError,
            asyncpg.InternalClientError,
            ConnectionResetError,
            BrokenPipeError,
        ),
        *_NOT_POSTGRESQL,
    ),
    (
        (asyncpg.PostgresError,),
        "{place} refuses the connection: {why}.",
        "Check user, database and settings in the DSN.",
    ),
    (
        (ssl.SSLError,),
        "{place}: no encrypted connection: {why}.",
        "Check sslmode and sslrootcert in the DSN.",
    ),
    (
        (TimeoutError,),
        "{place} doesn't answer within {seconds} s.",
        "Check host and port in the DSN, and that it is PostgreSQL which listens there.",
    ),
    (
        (asyncpg.ClientConfigurationError, asyncpg.InterfaceError),
        "The DSN of {place} can't be used: {why}.",
        "Check the DSN's parameters.",
    ),
    (
        (OSError,),
        "{place} can't be reached: {why}.",
        "Check host and port in the DSN, and that the server is running.",
    ),
    (
        (ValueError,),
        "The DSN of {place} can't be used.",
        "Check the DSN's parameters.",
    ),
)
