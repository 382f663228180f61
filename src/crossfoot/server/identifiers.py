"""Names in SQL that we write ourselves."""

from __future__ import annotations


def quoted(name: str) -> str:
    """Return ``name`` as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'
