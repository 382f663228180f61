"""One process of Locust: what its users share, from its start to its end.

Importing this adds listeners to Locust's events. Under ``crossfoot load`` the environment says where
everything is. Under a plain ``locust -f`` that names no host and no database, the process that
spawns no users itself, or the only one, starts a ground of its own and tells its workers.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import gevent
from gevent.socket import wait_read
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from crossfoot.history.record import CallRecord, Recorder
from crossfoot.load.bridge import Bridge
from crossfoot.load.orders import Orders
from crossfoot.load.population import Population, load_population
from crossfoot.load.sessions import Sessions
from crossfoot.target import Target, find_targets

_EVERY = 0.25  # seconds between two writes of the histories
_STOP = 5.0  # seconds that users have to end what they are at
_MESSAGE = "crossfoot-orders"
# A prime, so that the users of one worker spread over populations of any size.
MOST_WORKERS = 97


class Desk:
    """Where the users of this process get their numbers, make their calls and hand in their notes."""

    def __init__(self) -> None:
        self.orders = Orders()
        self.calls = itertools.count(1)
        self.scenario = ""
        self._environment: Environment | None = None
        self._users = itertools.count()
        self._recorders: dict[tuple[str, str], Recorder] = {}
        self._several = False
        self._closed = False
        self._targets: dict[str, Target] = {}
        self._populations: dict[str, Population] = {}
        self._bridge: Bridge | None = None
        self._sessions: Sessions | None = None

    @property
    def index(self) -> int:
        """Return this process's number among the workers, 0 where there is only one process."""
        runner = self._environment.runner if self._environment else None
        return max(0, int(getattr(runner, "worker_index", 0)))

    def number(self) -> int:
        """Return the next user's number, which no user of another worker has."""
        return next(self._users) * MOST_WORKERS + self.index

    def target(self, name: str) -> Target:
        """Return a target by its name. Raises ContentError."""
        if name not in self._targets:
            self._targets[name] = find_targets([name])[0]
        return self._targets[name]

    def population(self, name: str) -> Population:
        """Return the entities of a target. Raises ContentError."""
        if name not in self._populations:
            self._populations[name] = load_population(self.target(name), self.orders.seed)
        return self._populations[name]

    def call(
        self,
        target: str,
        session: str,
        operation: str,
        arguments: Mapping[str, Any],
        key: str,
        attempt: int,
    ) -> CallRecord:
        """Call an operation over asyncpg while this greenlet waits; the call is noted."""
        bridge, sessions = self._open_bridge()
        return bridge.call(
            sessions.call(self.target(target), session, operation, arguments, key, attempt)
        )

    def misuse(
        self, target: str, session: str, what: str, arguments: Mapping[str, Any], role: str
    ) -> CallRecord:
        """Try over asyncpg what has to be refused, and note it."""
        bridge, sessions = self._open_bridge()
        tried = bridge.call(sessions.misuse(self.target(target), session, what, arguments, role))
        self.note_misuse(target, tried)
        return tried

    def _open_bridge(self) -> tuple[Bridge, Sessions]:
        if self._bridge is None or self._sessions is None:
            self._sessions = Sessions(
                self.orders.dsn, self.orders.connections, self.calls, self.note
            )
            self._bridge = Bridge()
            self._bridge.start()
        return self._bridge, self._sessions

    def note(self, target: str, call: CallRecord) -> None:
        """Note a call of an operation for the history of its target."""
        self._record("history", target, call)

    def note_request(self, target: str, call: CallRecord) -> None:
        """Note a request to the service. It may be several calls, so histories don't have it."""
        self._record("requests", target, call)

    def note_misuse(self, target: str, call: CallRecord) -> None:
        """Note what had to be refused. It is part of no history and of no figure."""
        self._record("misuse", target, call)

    @property
    def _folder(self) -> Path:
        if not self.orders.out:
            self.orders = replace(self.orders, out=str(new_folder()))
        return Path(self.orders.out)

    # -- from start to end ----------------------------------------------------------------------

    def open(self, environment: Environment, orders: Orders) -> None:
        """Begin. Nothing of this may exist before a fork."""
        self._environment = environment
        files = environment.parsed_locustfiles or ["load"]
        self.scenario = Path(files[0]).stem
        self._several = len(targets_of(environment)) > 1
        self.orders = orders
        # Locust's modules are many objects, which stay. Python would look through them all again and
        # again, for a tenth of the time that calls take.
        gc.collect()
        gc.freeze()
        gevent.spawn(self._flush_now_and_then)

    def close(self) -> None:
        """End what is under way, and write the rest of the histories."""
        if self._bridge and self._sessions:
            self._bridge.close(self._sessions.close)
            self._bridge = self._sessions = None
        for recorder in self._recorders.values():
            recorder.close()
        self._recorders.clear()
        self._closed = True

    def _flush_now_and_then(self) -> None:
        while True:
            gevent.sleep(_EVERY)
            for recorder in self._recorders.values():
                recorder.flush()

    def _record(self, kind: str, target: str, call: CallRecord) -> None:
        recorder = self._recorders.get((kind, target))
        if recorder is None:
            if self._closed:  # a file that is whole by now would be begun anew
                return
            recorder = self._recorders[kind, target] = self._recorder(kind, target)
        recorder.add(call)

    def _recorder(self, kind: str, target: str) -> Recorder:
        folder = self._folder / target if self._several else self._folder
        folder.mkdir(parents=True, exist_ok=True)
        return Recorder(
            folder / f"{kind}-{self.index}.ndjson",
            target=target,
            scenario=self.scenario,
            seed=self.orders.seed,
            began=datetime.now(UTC).isoformat(),
        )


class OwnGround:
    """A ground that a plain Locust has started for itself, in a process that ends with it."""

    def __init__(self, targets: list[str]) -> None:
        print("crossfoot: starting PostgreSQL, the service and Stripe's stand-in", file=sys.stderr)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "crossfoot.load.ground", *targets],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        said = self._pipe(self._process.stdout).readline()
        if not said:
            sys.exit(self._process.wait() or 2)
        self.said: dict[str, str] = json.loads(said)
        self.said["CROSSFOOT_LOAD_OUT"] = str(new_folder())

    def close(self) -> int:
        """Say what the audits find, and end it. Returns how many findings there are."""
        self._pipe(self._process.stdin).write("audit\n")
        self._pipe(self._process.stdin).flush()
        found = json.loads(self._pipe(self._process.stdout).readline() or "[]")
        for each in found:
            print(f"crossfoot: {each['target']}: {each['passed']} audits pass", file=sys.stderr)
            for finding in each["findings"]:
                print(f"  fail  {finding}", file=sys.stderr)
        print(f"crossfoot: histories in {self.said['CROSSFOOT_LOAD_OUT']}", file=sys.stderr)
        self._pipe(self._process.stdin).close()
        self._process.wait()
        return sum(len(each["findings"]) for each in found)

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe
        return pipe


def new_folder() -> Path:
    """Return a folder for histories that nobody has named one for."""
    return Path("crossfoot-out") / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-locust-{os.getpid()}"


def targets_of(environment: Environment) -> list[str]:
    """Return the names of the targets that the users of a locustfile call."""
    named = {getattr(each, "target", "") for each in environment.user_classes}
    return sorted(filter(None, named))


desk = Desk()
_own: list[OwnGround] = []


def _begin(environment: Environment, **_: Any) -> None:
    orders = Orders.read()
    runner, host = environment.runner, environment.host
    desk.open(environment, orders)
    environment.stop_timeout = environment.stop_timeout or _STOP
    if orders.attached:
        gevent.spawn(_end_with_stdin)
    if isinstance(runner, WorkerRunner):
        # Which users there are is for the master to say.
        runner.register_message(_MESSAGE, _take_orders)
    elif not (host or orders.dsn):
        _start_ground(environment)
    elif not orders.dsn:
        _leave_out(environment, "dsn", "no database: set CROSSFOOT_LOAD_DSN")
    elif not host:
        _leave_out(environment, "service", "no service: give --host")


def _start_ground(environment: Environment) -> None:
    own = OwnGround(targets_of(environment))
    _own.append(own)
    environment.host = own.said["url"]
    desk.orders = Orders.read(own.said)


def _leave_out(environment: Environment, what: str, why: str) -> None:
    """Leave out the users who need what isn't there, and say so. They say it by ``needs``."""
    out = [each for each in environment.user_classes if getattr(each, "needs", "") == what]
    environment.user_classes = [each for each in environment.user_classes if each not in out]
    for each in out:
        print(f"crossfoot: {each.__name__} is left out, {why}", file=sys.stderr)


def _tell_workers(environment: Environment, **_: Any) -> None:
    # Before the users are spawned: a worker gets messages in their order.
    if _own and isinstance(environment.runner, MasterRunner):
        environment.runner.send_message(_MESSAGE, _own[0].said)


def _take_orders(msg: Any, **_: Any) -> None:
    desk.orders = Orders.read(msg.data)


def _end(environment: Environment, **_: Any) -> None:
    # Locust stops the users after this event, but their calls shall be over when the audits look.
    if isinstance(environment.runner, MasterRunner):
        environment.runner.quit()
    elif environment.runner:
        environment.runner.stop()
    desk.close()
    while _own:
        if _own.pop().close():
            environment.process_exit_code = 1


def _end_with_stdin() -> None:
    """End as on SIGTERM when whoever started this is gone."""
    while True:
        wait_read(0)
        if not os.read(0, 512):
            os.kill(os.getpid(), signal.SIGTERM)
            return


for event, listener in (
    (events.init, _begin),
    (events.test_start, _tell_workers),
    (events.quitting, _end),
):
    event.add_listener(listener)  # type: ignore[no-untyped-call]
