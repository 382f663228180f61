"""Where a server is: DSNs read in both of libpq's forms, written for asyncpg, and redacted.

The forms are those of PostgreSQL's documentation, 34.1.1 "Connection Strings": a URL, or
``keyword=value`` pairs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from crossfoot.errors import ServerError

_EXAMPLE = "postgresql://user:password@host:5432/database"

# In a URL the password may itself hold an '@' or a '/': everything up to the last '@' goes.
_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)\S*@")
_KEYWORD_PASSWORD = re.compile(
    r"(\w*passw(?:or)?d\s*=\s*)('(?:[^'\\]|\\.)*'?|(?:\\.|&(?!\w+=)|[^\s&\\])+)", re.IGNORECASE
)
_PAIR = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:\\.|[^\s'\\])*)(?=\s|$)")

# libpq and some frameworks read these; asyncpg would send them to the server, which refuses them.
_NOT_FOR_ASYNCPG = {
    "channel_binding", "client_encoding", "connect_timeout", "connection_limit",
    "fallback_application_name", "gssencmode", "keepalives", "keepalives_count", "keepalives_idle",
    "keepalives_interval", "load_balance_hosts", "pgbouncer", "pool_timeout", "require_auth",
    "schema", "sslaccept", "sslcertmode", "sslcompression", "sslsni", "statement_cache_size",
    "tcp_user_timeout",
}  # fmt: skip


def redact(text: str) -> str:
    """Return ``text`` with the password of every DSN in it replaced by ``***``."""
    return _KEYWORD_PASSWORD.sub(r"\1***", _URL_PASSWORD.sub(r"\1***@", text))


@dataclass(frozen=True)
class Dsn:
    """The address of a server. Only :meth:`url` shows the password; never print that."""

    user: str
    password: str = field(repr=False)
    hosts: str
    database: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 10.0

    @classmethod
    def parse(cls, text: str) -> Dsn:
        """Read a DSN of either form. Raises ServerError, which doesn't repeat the DSN."""
        text = text.strip()
        given = _from_url(text) if "://" in text else _from_keywords(text)
        _check_ports(given.get("hosts", ""), given.get("port", ""))
        timeout = given.get("connect_timeout", "")
        return cls(
            given.pop("user", ""),
            given.pop("password", ""),
            given.pop("hosts", ""),
            _database(given),
            {name: value for name, value in given.items() if name not in _NOT_FOR_ASYNCPG},
            float(timeout) if timeout.isdigit() and int(timeout) > 0 else 10.0,
        )

    def at(self, database: str) -> Dsn:
        """Return the same server's address with another database."""
        return replace(self, database=database)

    def without_password(self) -> Dsn:
        """Return the address as it may be shown."""
        shown = {name: value for name, value in self.options.items() if "passw" not in name}
        return replace(self, password="", options=shown)

    def url(self, database: str | None = None) -> str:
        """Return the DSN of ``database`` (default: the one that was given), password included."""
        user = quote(self.user, safe="")
        secret = ":" + quote(self.password, safe="") if self.password else ""
        login = f"{user}{secret}@" if user or secret else ""
        name = quote(self.database if database is None else database, safe="")
        query = "?" + urlencode(self.options) if self.options else ""
        return f"postgresql://{login}{self.hosts}/{name}{query}"

    @property
    def place(self) -> str:
        """Return ``host:port`` for messages (several are separated by commas)."""
        hosts = self.hosts or self.options.get("host") or os.environ.get("PGHOST", "")
        port = self.options.get("port") or os.environ.get("PGPORT", "5432")
        if not hosts:
            service = self.options.get("service")
            return f"the service {service}" if service else f"the local server, port {port}"
        found = (unquote(host) for host in hosts.split(","))
        return ",".join(h if re.search(r":\d+$", h) else f"{h}:{port}" for h in found)


def malformed(problem: str) -> ServerError:
    """Return the error for a DSN that can't be read; it can't quote it: where is the password?"""
    return ServerError(
        f"The DSN can't be read: {problem}.",
        remedy=f"Write it as {_EXAMPLE}, with special characters in the password percent-encoded "
        "(@ as %40, / as %2F, # as %23, ? as %3F).",
    )


def _from_url(text: str) -> dict[str, str]:
    try:
        parts = urlsplit(text)
        query = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise malformed("it isn't a well-formed URL") from None
    if parts.scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise malformed("it doesn't begin with postgresql://")
    if parts.fragment:
        raise malformed("it has a '#' in it")
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    found = {"user": unquote(user), "password": unquote(password), "hosts": hosts}
    path = {"dbname": unquote(parts.path[1:])} if parts.path[1:] else {}
    return {**query, **{name: value for name, value in found.items() if value}, **path}


def _from_keywords(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while pair := _PAIR.match(text, position):
        found[pair[1]] = re.sub(r"\\(.)", r"\1", pair[2].removeprefix("'").removesuffix("'"))
        position = pair.end()
    if not found or position < len(text):
        raise malformed("it is neither a postgresql:// URL nor keyword=value pairs")
    return found


def _database(given: dict[str, str]) -> str:
    named = [given.pop(name, "") for name in ("dbname", "database")]
    default = "" if "service" in given else os.environ.get("PGDATABASE", "postgres")
    return next(filter(None, named), default)


def _check_ports(hosts: str, ports: str) -> None:
    """Refuse a port that isn't a number: mostly the rest of a password with a '/' in it."""
    found = [re.sub(r"^\[[^\]]*\]", "", host).partition(":")[2] for host in hosts.split(",")]
    for port in [*found, *ports.split(",")]:
        if port and not (port.isdigit() and int(port) <= 65535):
            raise malformed("its port isn't a number")
