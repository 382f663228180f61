"""The specimens stand on the explorer's own ground."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
pytest.register_assert_rewrite("witness")
