"""The sources' suites use the clients of the reference systems."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "reference_impl"))

from source_fixtures import opened, pytest_pyfunc_call, system

__all__ = ["opened", "pytest_pyfunc_call", "system"]
