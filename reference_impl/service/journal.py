"""Generations that could not be charged, in files, until the database has taken them over.

The database may be what is missing, so they can't be kept there at first. One file per charge,
written whole or not at all, and readable by nobody else: the license key is in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True)
class Kept:
    """A generation to be charged. ``charge_id`` is the request id of its deduction."""

    charge_id: UUID
    license_key: str = field(repr=False)
    tokens: int = 0
    text: str = field(default="", repr=False)


class Journal:
    """The folder. It is made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, kept: Kept) -> None:
        """Write a generation down; it is on the disk when this returns. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(kept.charge_id)
        partial = path.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({**asdict(kept), "charge_id": str(kept.charge_id)}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        self._sync_folder()

    def find(self, charge_id: UUID) -> Kept | None:
        """Return what is kept under a charge, if anything is."""
        try:
            return _read(self._path(charge_id))
        except FileNotFoundError:
            return None

    def all(self) -> Iterator[Kept]:
        """Yield what is kept."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                yield _read(path)
            except FileNotFoundError:
                continue

    def forget(self, charge_id: UUID) -> None:
        """Remove a generation that the database holds now."""
        self._path(charge_id).unlink(missing_ok=True)

    def _path(self, charge_id: UUID) -> Path:
        return self._folder / f"{charge_id}.json"

    def _sync_folder(self) -> None:
        # A new name is only on the disk when its folder is.
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(path: Path) -> Kept:
    found = json.loads(path.read_text(encoding="utf-8"))
    return Kept(**{**found, "charge_id": UUID(found["charge_id"])})
