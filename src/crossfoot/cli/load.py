"""``crossfoot load``: its options, its live figures, and how its results become a run."""

from __future__ import annotations

import re
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rich.live import Live
from rich.text import Text

from crossfoot.cli import work
from crossfoot.errors import CrossfootError
from crossfoot.load.drive import Load, LoadPlan, Progress
from crossfoot.load.ground import Ground, is_reference
from crossfoot.load.locust_process import Intensity
from crossfoot.load.scenario import Scenario, find_scenario
from crossfoot.results import Check, Run, TargetResult
from crossfoot.run import Runner, settings_of
from crossfoot.server import open_server
from crossfoot.serving import HOST, PACKAGES, free_port, require_packages
from crossfoot.stages import new_result
from crossfoot.verdicts import Outcome, worst
from crossfoot.waivers import apply_waivers

LIMITS = [
    "A load hopes that calls meet at the moment that matters; 'crossfoot race' makes them meet.",
    "Requests to the service are counted by their answers: 2xx ok; 402, 403, 409, 422 refused; 503"
    " retryable, or unknown where the answer says so; others error; no answer unknown.",
    "Audits speak of the rows that were there; their populations are shown beside them.",
]
_RUN_TIME = re.compile(r"(?=\d)(\d+h)?(\d+m)?(\d+s?)?")
_MASTER = 5557  # where Locust's master listens unless told otherwise
_EVERY = 5.0  # seconds between two lines where there is no terminal


@dataclass(frozen=True)
class Request:
    """What the command was asked for."""

    target: str | None
    scenario: str | None
    users: int = 50
    spawn_rate: float | None = None
    run_time: str = "60s"
    processes: int = 1
    classes: tuple[str, ...] = ()
    variant: str | None = None
    unmasked: bool = False
    prepare: bool = False
    port: int = 0

    @property
    def intensity(self) -> Intensity | None:
        """Return how much load that is; None if Locust is somebody else's."""
        if self.prepare:
            return None
        rate = self.spawn_rate or float(self.users)
        return Intensity(self.users, rate, self.run_time, self.processes, self.classes)

    def bounds(self) -> dict[str, str]:
        """Return it as reports show it."""
        if self.prepare:
            return {"load": "by a Locust that was started apart"}
        return {
            "users": str(self.users),
            "users spawned per second": f"{self.spawn_rate or self.users:g}",
            "run time": self.run_time,
            "processes of Locust": str(self.processes),
            **({"kinds of user": ", ".join(self.classes)} if self.classes else {}),
        }


async def load(job: work.Job, request: Request) -> Run:
    """Run a load and write the report. Raises CrossfootError for what the user can put right."""
    scenario = find_scenario(request.target, request.scenario)
    _check(request, scenario)
    port = free_port(request.port)
    broken = work._variant(scenario.targets[0], request.variant) if request.variant else None
    shown = _Shown(job, request, scenario)
    shown.line("starting PostgreSQL")
    async with open_server(job.dsn, keep=job.keep) as server:
        runner = Runner(server, job.plan, job.command, job.screen)
        run_id = runner.started_at.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
        plan = LoadPlan(
            scenario,
            request.intensity,
            job.plan.seed,
            job.out / run_id,
            variant=broken,
            unmasked=request.unmasked,
            port=port,
        )
        with shown.live():
            found = Load(server, plan, shown.progress, shown.ready)
            checks = await found.run()
            runner.settings = await _settings_of(found)
        for check in (check for each in checks.values() for check in each):
            job.screen.check(check)
        result = runner.result(list(_results(scenario, plan, checks, runner)))
        result.run_id, result.bounds, result.limits = run_id, request.bounds(), LIMITS
        kept = f"The database is kept, to look at it and to end it:\n{server.keep_hint()}"
        work._write(job, result, kept if server.keep else "")
    return result


def _check(request: Request, scenario: Scenario) -> None:
    if not _RUN_TIME.fullmatch(request.run_time):
        raise CrossfootError(
            f"--run-time {request.run_time!r} is no time", remedy="Say 90s, 5m or 1h30m."
        )
    if request.variant and len(scenario.targets) > 1:
        raise CrossfootError(
            "--variant is a mistake of one target", remedy="Name the target before --scenario."
        )
    needed = PACKAGES if is_reference(scenario.targets) else ()
    require_packages("load", [*([] if request.prepare else ["locust"]), *needed], "load")


async def _settings_of(found: Load) -> dict[str, str]:
    assert found.ground
    async with found.ground.connection() as connection:
        return await settings_of(connection)


def _results(
    scenario: Scenario, plan: LoadPlan, checks: dict[str, list[Check]], runner: Runner
) -> Iterator[TargetResult]:
    for target in scenario.targets:
        title = f"{target.name} with {plan.variant.name}" if plan.variant else target.name
        result = new_result(target, title)
        result.checks = checks[target.name]
        apply_waivers(result.checks, target.waivers, runner.started_at.date())
        result.verdict = worst(check.verdict for check in result.checks)
        result.seconds = time.perf_counter() - runner.started
        yield result


@dataclass
class _Shown:
    """What the terminal shows while it goes on: figures that stay in place, or a line now and then."""

    job: work.Job
    request: Request
    scenario: Scenario
    _live: Live | None = None
    _said: float = field(default_factory=time.monotonic)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show figures that change while the work inside goes on, on a terminal."""
        console = self.job.screen.console
        if console.is_terminal and not console.quiet:
            self._live = Live(console=console, refresh_per_second=4, transient=True)
        with self._live or nullcontext():
            yield

    def ready(self, ground: Ground, file: str) -> None:
        """Say what runs now, and how to look."""
        self._said = time.monotonic()
        names = ", ".join(target.name for target in ground.targets)
        self.line(f"{names}: load {self.scenario.name}, seed {self.job.plan.seed}")
        self.line(f"  to look at the database: {ground.server.psql(ground.database)}")
        if file:
            host = f" --host {ground.url}" if ground.url else ""
            self.line("Ready. In another terminal:")
            self.line(f"  set -a; . {file}; set +a")
            self.line(f"  locust -f {self.scenario.file}{host}")
            self.line("On another machine, with a copy of that file, first:")
            self.line(f"  ssh -N {' '.join(_tunnels(ground))} THIS_MACHINE")
            self.line("Ctrl-C ends it with audits and a report.")

    def progress(self, progress: Progress) -> None:
        """Show how it goes."""
        figures = [f"{name} {value}" for name, value in _figures(progress).items()]
        if self._live:
            self._live.update(Text("\n".join([", ".join(figures[:6]), ", ".join(figures[6:])])))
        elif time.monotonic() - self._said >= _EVERY:
            self._said = time.monotonic()
            self.line("  " + ", ".join(figures))

    def line(self, text: str) -> None:
        """Print a line."""
        self.job.screen.console.print(Text(text))


def _tunnels(ground: Ground) -> list[str]:
    """Return ssh's options that make what listens here only, and Locust's master, reachable."""
    places = [urlsplit(url) for url in (ground.url, ground.orders.dsn, ground.orders.stripe)]
    ports = [place.port for place in places if place.hostname == HOST]
    return [f"-L {port}:{HOST}:{port}" for port in [*ports, _MASTER]]


def _figures(progress: Progress) -> dict[str, str]:
    counts = progress.tally.by_target.values()
    outcomes = sum((each.outcomes for each in counts), Counter[Outcome]())
    times = [each.latencies for each in counts if each.calls]
    slowest = [
        max((each.percentile(share) for each in times), default=0.0) for share in (0.5, 0.99)
    ]
    return {
        "seconds": f"{progress.seconds:.0f}",
        "users": str(sum(len(each.sessions) for each in counts)),
        "calls": str(outcomes.total()),
        "calls/s": f"{progress.rate:.0f}",
        "p50 ms": f"{slowest[0]:.1f}",
        "p99 ms": f"{slowest[1]:.1f}",
        **{outcome.value: str(outcomes[outcome]) for outcome in Outcome},
        "audits": f"{progress.live.rounds} times",
        "drift": str(progress.live.drift),
    }
