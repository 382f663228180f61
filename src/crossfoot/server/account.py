"""The system account that an embedded server runs as: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from crossfoot.errors import ServerError

_CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """An account other than our own."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Hand one file or folder over to the account."""
        os.chown(path, self.uid, self.gid)


def server_account() -> Account | None:
    """Return the account to start a server as, or None for the one that we run as anyway."""
    if os.geteuid() != 0:
        return None
    import pwd  # not on every system

    for name in _CANDIDATES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, found.pw_uid, found.pw_gid)
    raise ServerError(
        "PostgreSQL doesn't run as root, and there is no account named postgres or nobody.",
        remedy="Run Crossfoot as another user, or give a server with --dsn.",
    )
