"""Races as pytest tests: each ``*.race.sql`` that pytest collects is one test, named by the race.

Under pytest-xdist each worker process has a server of its own, which starts with its first race.
The engine is imported then too: pytest loads this module in every run, of whatever project.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from crossfoot.pytest_worker import Worker

_SUFFIX = ".race.sql"
_WORKER = pytest.StashKey["Worker"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of races."""
    group = parser.getgroup("crossfoot", "races of stored functions (*.race.sql)")
    group.addoption(
        "--crossfoot-dsn",
        metavar="DSN",
        help="use this PostgreSQL instead of an embedded one per worker (default: CROSSFOOT_DSN)",
    )
    group.addoption(
        "--crossfoot-schedules",
        metavar="N",
        type=int,
        default=1000,
        help="at most so many schedules per race (default: %(default)s)",
    )
    group.addoption(
        "--crossfoot-seed",
        metavar="N",
        type=int,
        default=1,
        help="seed of every drawn value (default: %(default)s)",
    )


def pytest_report_header(config: pytest.Config) -> str:
    """Name the seed, which is what it takes to draw the same values again."""
    return f"crossfoot: seed {config.getoption('crossfoot_seed')}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect race files."""
    if file_path.name.endswith(_SUFFIX):
        return RaceFile.from_parent(parent, path=file_path)
    return None


class RaceFile(pytest.File):
    """A race file, which holds one test."""

    def collect(self) -> Iterator[RaceItem]:
        """Yield the race. Its file is read when it runs, so a faulty one fails as a test does."""
        yield RaceItem.from_parent(self, name=self.path.name.removesuffix(_SUFFIX))


class RaceItem(pytest.Item):
    """A race as a test: it passes if every interleaving that was explored is right."""

    def runtest(self) -> None:
        """Explore the race. Whatever isn't a pass fails, ``unknown`` too: it shows nothing."""
        from crossfoot.errors import CrossfootError
        from crossfoot.pytest_worker import told
        from crossfoot.verdicts import Verdict

        try:
            check = worker_of(self.config).explore(self.path)
        except CrossfootError as error:
            pytest.fail(str(error), pytrace=False)
        if check.exploration:
            self.user_properties.append(("explored", check.exploration.coverage))
        if check.verdict is not Verdict.PASS:
            pytest.fail(told(check, self.path), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the test stands and its title in reports."""
        return self.path, 0, f"race {self.name}"


def worker_of(config: pytest.Config) -> Worker:
    """Return what this process keeps open for races; closed when the session ends."""
    if _WORKER not in config.stash:
        from crossfoot.pytest_worker import Worker
        from crossfoot.stages import Plan

        plan = Plan(
            seed=config.getoption("crossfoot_seed"),
            schedules=config.getoption("crossfoot_schedules"),
            arenas=2,
        )
        dsn = config.getoption("crossfoot_dsn") or os.environ.get("CROSSFOOT_DSN")
        config.stash[_WORKER] = Worker(plan, dsn or None)
    return config.stash[_WORKER]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Close the server, also after Ctrl-C."""
    if worker := session.config.stash.get(_WORKER, None):
        worker.close()
        del session.config.stash[_WORKER]
