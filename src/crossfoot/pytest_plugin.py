"""Races as pytest tests, and a fixture for tests of application code.

Each ``*.race.sql`` that pytest collects is one test, named by the race. ``explore`` plays coroutines
in every order in which their statements can interleave.

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
    from crossfoot.pytest_worker import Explore, SendBurst, Worker

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


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "crossfoot(target): the target.toml, relative to the test file, of 'explore' and 'burst'",
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


@pytest.fixture
def explore(request: pytest.FixtureRequest) -> Explore:
    """Explore every order in which programs can interleave: ``explore(first, second, setup=SQL)``.

    A program is a coroutine function that is handed an asyncpg connection; each statement that it
    sends is a step, and so are those of the functions that it calls. The test fails unless every
    order ends as one in which the programs ran one after the other. ``state`` is SQL that shows how
    things stand afterwards, ``isolation`` the level of the programs' transactions.
    ``explore.check(...)`` takes the same and returns the check instead of failing.

    The database is that of ``@pytest.mark.crossfoot("path/to/target.toml")``, else of the target.toml
    that is nearest above the test.
    """
    from crossfoot.pytest_worker import Explore

    return Explore(worker_of(request.config), _target_of(request))


@pytest.fixture
def burst(request: pytest.FixtureRequest) -> SendBurst:
    """Let many callers go at one instant: ``burst(call, callers=50, setup=SQL)``.

    A call is one select, in which ``:name`` stands for values (``values={"card": "uuid"}`` are
    everybody's, ``each={"key": "uuid"}`` each caller's own), or a coroutine function that is handed
    an asyncpg connection. The test fails if the calls didn't overlap (by the server's own clock), if
    one ends in an error, if the audits find the books wrong, or if it isn't as ``expect`` says
    (``["exactly 3 ok", "the others refused"]``). The outcome counts how the calls ended: ``ok``,
    ``refused``, ``retryable``, ``error``, ``unknown``. ``burst.check(...)`` takes the same and returns
    the outcome instead of failing.

    Each burst has a new database, of the same target.toml that ``explore`` takes.
    """
    from crossfoot.pytest_worker import SendBurst

    return SendBurst(worker_of(request.config), _target_of(request))


@pytest.fixture
def crossfoot_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the DSN of a new database with the target applied. It is dropped after the test."""
    worker = worker_of(request.config)
    with worker.database(_target_of(request)) as dsn:
        yield dsn


def _target_of(request: pytest.FixtureRequest) -> Path:
    """Return the target.toml that a test is about."""
    if (marker := request.node.get_closest_marker("crossfoot")) and marker.args:
        return Path(request.path.parent, marker.args[0]).resolve()
    for folder in request.path.parents:
        if (file := folder / "target.toml").is_file():
            return file
    pytest.fail(
        'no target.toml here or above; name one with @pytest.mark.crossfoot("path/target.toml")',
        pytrace=False,
    )


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
