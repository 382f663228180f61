"""Crossfoot stress-tests and audits credit functions in PostgreSQL."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from crossfoot.figures.frames import RunFrames

__version__ = version("crossfoot")
__all__ = ["load_run"]


def load_run(path: Path | str) -> RunFrames:
    """Return what a run noted as pandas frames, for a notebook: its calls, audits and lock waits.

    ``path`` is the folder of a run (``crossfoot-out/latest``) or a history. Raises CrossfootError
    without pandas, and ContentError where there are no calls.
    """
    from crossfoot.serving import require_packages

    require_packages("load_run", ["pandas"], "load")
    from crossfoot.figures import frames

    return frames.load_run(path)
