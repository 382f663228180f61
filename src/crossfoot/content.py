"""Where content lies: in a checkout, in a user's project of the same shape, or inside the wheel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_FOLDERS = ("reference_impl", "scenarios", "audits")


@dataclass(frozen=True)
class Content:
    """A folder that holds ``reference_impl/``, ``scenarios/`` and ``audits/`` (or some of them)."""

    root: Path

    @property
    def targets(self) -> list[Path]:
        """Return the target.toml files, in the order of their folders' names."""
        return sorted(self.root.glob("reference_impl/*/target.toml"))

    @property
    def audits(self) -> list[Path]:
        """Return the audit files."""
        return sorted(self.root.glob("audits/*.sql"))

    @property
    def lints(self) -> list[Path]:
        """Return the lint files."""
        return sorted(self.root.glob("audits/lints/*.sql"))

    def races(self, target: str) -> list[Path]:
        """Return the race files of one target."""
        return sorted(self.root.glob(f"scenarios/races/{target}/*.race.sql"))

    def bursts(self, target: str) -> list[Path]:
        """Return the burst files of one target."""
        return sorted(self.root.glob(f"scenarios/bursts/{target}/*.burst.sql"))

    def contracts(self, target: str) -> list[Path]:
        """Return the contract files of one target."""
        return sorted(self.root.glob(f"scenarios/contracts/{target}/*.contract.sql"))

    def relative(self, path: Path) -> str:
        """Return ``path`` as reports show it: relative to the content, never a machine's own path."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return path.name


def shipped_content() -> Content:
    """Return the content that came with Crossfoot: the checkout's, else the wheel's."""
    package = Path(__file__).resolve().parent
    checkout = package.parent.parent
    if all((checkout / folder).is_dir() for folder in _FOLDERS):
        return Content(checkout)
    return Content(package / "content")


def content_around(path: Path) -> Content:
    """Return the content that a target.toml at ``path`` belongs to.

    A project of our shape keeps it at ``<root>/reference_impl/<name>/target.toml``; any other place
    is taken as a root of its own, with ``scenarios/`` and ``audits/`` beside the file.
    """
    folder = path.resolve().parent
    if folder.parent.name == "reference_impl":
        return Content(folder.parent.parent)
    return Content(folder)
