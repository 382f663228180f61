"""The pool of connections that the clients' calls run on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg


async def _leave_as_it_is(session: Any) -> None:
    """Skip asyncpg's reset, a round trip per call: the calls leave nothing behind in a session."""


@asynccontextmanager
async def open_pool(
    dsn: str,
    *,
    role: str = "service_role",
    size: int = 10,
    timeout: float = 30.0,
    application: str = "clients",
) -> AsyncIterator[asyncpg.Pool]:
    """Yield a pool of up to ``size`` connections which act as ``role``.

    The DSN's user has to be a member of the role. ``timeout`` is how many seconds a statement may
    take; it is cancelled then. Connections are made when they are needed: a database that is down
    doesn't keep the pool from opening.
    """
    async with asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=size,
        command_timeout=timeout,
        reset=_leave_as_it_is,
        server_settings={"application_name": application, "role": role},
    ) as pool:
        yield pool
