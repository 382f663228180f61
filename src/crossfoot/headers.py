"""The comment header that every SQL content file starts with.

``-- key: value`` lines, then optionally a bare ``--`` and prose. It can be read without running
the file, which is why a report can list what passed with a sentence for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from crossfoot.errors import ContentError

_KEY = re.compile(r"--\s{0,2}([a-z][a-z-]*):\s*(.*)$")
_CONTINUED = re.compile(r"--\s{3,}(\S.*)$")


@dataclass(frozen=True)
class Header:
    """The parsed header of ``file``: keys with their values in order, and the prose below them."""

    file: str
    values: dict[str, list[str]]
    about: str = ""
    lines: dict[str, int] = field(default_factory=dict)

    def one(self, key: str, default: str | None = None) -> str:
        """Return the value of ``key``. Raises ContentError if it is missing and has no default."""
        found = self.values.get(key)
        if found:
            return found[0]
        if default is None:
            raise ContentError(
                f"{self.file}: header has no '{key}:' line",
                remedy=f"Add a line '-- {key}: ...' to the comment at the top of the file.",
            )
        return default

    def many(self, key: str) -> list[str]:
        """Return the comma-separated values of every ``key:`` line."""
        parts = (part.strip() for value in self.values.get(key, []) for part in value.split(","))
        return [part for part in parts if part]

    def each(self, key: str) -> list[str]:
        """Return the value of every ``key:`` line, whole."""
        return self.values.get(key, [])

    def only(self, allowed: Iterable[str]) -> None:
        """Raise ContentError if the header has a key that isn't ``allowed``: a misspelt one."""
        known = sorted(allowed)
        for key in self.values:
            if key not in known:
                raise ContentError(
                    f"{self.file}:{self.lines.get(key, 1)}: header has an unknown key '{key}:'",
                    remedy=f"The keys of such a file are: {', '.join(known)}.",
                )


def read_header(text: str, file: str) -> Header:
    """Parse the comment at the top of ``text``; ``file`` is the name used in errors."""
    values: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    prose: list[str] = []
    last: str | None = None
    in_prose = False
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.rstrip()
        if not stripped.startswith("--") or stripped.startswith("-- @"):
            break
        if in_prose:
            prose.append(stripped[2:].strip())
        elif stripped == "--":
            in_prose = True
        elif match := _KEY.match(stripped):
            last = match[1]
            values.setdefault(last, []).append(match[2].strip())
            lines.setdefault(last, number)
        elif last and (match := _CONTINUED.match(stripped)):
            values[last][-1] = f"{values[last][-1]} {match[1].strip()}".strip()
        else:
            raise ContentError(
                f"{file}:{number}: neither 'key: value' nor a continued value in the header",
                remedy="End the header with a line '--'; prose may follow it.",
            )
    return Header(file=file, values=values, about="\n".join(prose).strip(), lines=lines)


def read_text(path: Path) -> str:
    """Read a content file. Raises ContentError if it isn't there or isn't UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ContentError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ContentError(f"{path}: can't be read: {error}") from error
