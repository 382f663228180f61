"""Users for locustfiles: over HTTP against the service, or over asyncpg straight against the database.

Both write each call down, and send again what ended ``retryable`` or ``unknown``, under the same key.
What they draw comes from ``self.random``, which depends on the seed and on the user's number.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import gevent
from locust import FastHttpUser, User, events
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_STOPPING

from crossfoot.history.record import CallRecord
from crossfoot.load.desk import MOST_WORKERS, desk
from crossfoot.load.population import Population
from crossfoot.verdicts import Outcome

__all__ = ["DatabaseUser", "LoadUser", "Outcome", "Reply", "ServiceUser", "at_stripe", "between"]

T = TypeVar("T")

_ATTEMPTS = 3
_AGAIN = {Outcome.RETRYABLE, Outcome.UNKNOWN}
_FAILED = {Outcome.ERROR, Outcome.UNKNOWN}
_REFUSALS = {402, 403, 409, 422}
# The service says of these that the request may have had its effect, or will have it.
_OPEN = {"outcome_unknown", "unbilled"}


class CallFailed(Exception):  # noqa: N818 (what Locust lists under failures)
    """A call ended in an error, or nobody knows how it ended."""


class LoadUser(User):
    """A user with a number, a session's name and random numbers of its own.

    What both kinds of user have in common derives from it, and says ``abstract = True``; Locust finds
    no tasks in a class that is no user.
    """

    abstract = True
    target = ""
    needs = ""
    # Users of the service have the entities with even numbers, users of the database the others. So
    # each account's history has all calls that moved its credits, or none.
    side = 0

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.number = desk.number()
        count, worker = divmod(self.number, MOST_WORKERS)
        self.session = f"w{worker}u{count}"
        self.random = random.Random(f"{desk.orders.seed}:{self.number}")  # noqa: S311
        self._called = False

    def on_start(self) -> None:
        """Let this user's own random numbers choose its tasks; Locust's are the process's."""
        if self._taskset_instance:
            next_task = lambda: self.random.choice(self.tasks)  # noqa: E731 (a bound method's place)
            self._taskset_instance.get_next_task = next_task  # type: ignore[method-assign]
            self._taskset_instance._sleep = self._pause  # type: ignore[method-assign]

    def _pause(self, seconds: float) -> None:
        """Wait between two tasks. Where there is no wait, a call has let the others go on already."""
        if seconds > 0 or not self._called:
            gevent.sleep(seconds)
        self._called = False

    def stop(self, force: bool = False) -> bool:
        """Stop after the task. Locust would kill one that waits, and it may be sending by then."""
        if force:
            return bool(super().stop(force))
        self._state = LOCUST_STATE_STOPPING
        return False

    @property
    def population(self) -> Population:
        """Return the entities of the target."""
        return desk.population(self.target)

    def key(self) -> uuid.UUID:
        """Return a new key."""
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def own(self, kind: str) -> uuid.UUID:
        """Return this user's own entity, or one that few others have where they are too few."""
        return self.population.id(kind, 2 * self.number + self.side)

    def any(self, kind: str) -> uuid.UUID:
        """Return some entity of this side."""
        return self.population.id(kind, self.any_number(kind))

    def any_number(self, kind: str) -> int:
        """Return the number of some entity of this side."""
        return 2 * self.random.randrange(self.population.counts[kind] // 2) + self.side

    def at_once(self, *calls: Callable[[], T]) -> list[T]:
        """Make calls at the same moment, as somebody with two windows does; return what they return."""
        begun = [gevent.spawn(call) for call in calls]
        gevent.joinall(begun)
        return [each.get() for each in begun]

    def _before_again(self, attempt: int) -> None:
        gevent.sleep(attempt * self.random.uniform(0.01, 0.05))


class DatabaseUser(LoadUser):
    """A user who calls the target's operations as its role. ``target`` names it."""

    abstract = True
    needs = "dsn"
    side = 1

    def on_start(self) -> None:
        """Begin. Raises StopUser without a database."""
        super().on_start()
        if not desk.orders.dsn:
            raise StopUser("no database: set CROSSFOOT_LOAD_DSN")

    def call(self, operation: str, *, key: object = "", **arguments: Any) -> CallRecord:
        """Call an operation and return the last attempt, with its outcome and first row as text.

        Raises ContentError for an operation or argument that target.toml doesn't have.
        """
        attempt = 1
        while True:
            done = desk.call(self.target, self.session, operation, arguments, str(key), attempt)
            self._called = True
            self._tell(done)
            if done.outcome not in _AGAIN or attempt == _ATTEMPTS:
                return done
            self._before_again(attempt)
            attempt += 1

    def misuse(self, what: str, *, role: str = "", **arguments: Any) -> CallRecord:
        """Try what has to be refused: an operation, or a statement of SQL with ``:names``.

        ``role`` is whose rights are tried, if it isn't the role that makes calls. What goes through
        fails the load, and is named in its report. A statement that may hit nobody's row should end on
        ``returning``: without a row it counts as refused. Raises ContentError for what can't be read.
        """
        tried = desk.misuse(self.target, self.session, what, arguments, role)
        self._tell(tried, "misuse")
        return tried

    def _tell(self, call: CallRecord, kind: str = "call") -> None:
        """Tell Locust, which counts in milliseconds; histories have nanoseconds."""
        failed = call.outcome in _FAILED
        self.environment.events.request.fire(
            request_type=kind,
            name=call.operation,
            response_time=max(0, call.end - call.start) / 1e6,
            response_length=0,
            exception=CallFailed(f"{call.outcome}: {call.result}") if failed else None,
            context={},
        )


@dataclass(frozen=True)
class Reply:
    """How a request ended, and the body of the answer."""

    outcome: Outcome
    body: Mapping[str, Any] = field(default_factory=dict)


class ServiceUser(LoadUser, FastHttpUser):
    """A user who sends requests to the service at Locust's host."""

    abstract = True
    needs = "service"
    connection_timeout = 30.0
    network_timeout = 30.0

    def get(self, path: str, *, name: str = "") -> Reply:
        """Ask for something."""
        return self._send("GET", path, name or path)

    def post(
        self, path: str, body: Mapping[str, Any], *, name: str = "", key: object = ""
    ) -> Reply:
        """Send a JSON body, up to three times; return the last answer.

        ``name`` is what the request is called in histories and figures; default: the path.
        """
        return self._send("POST", path, name or path, json.dumps(body, default=str), str(key), body)

    def misuse(self, path: str, body: Mapping[str, Any], *, name: str = "") -> Reply:
        """Send a body that has to be refused. What goes through fails the load, and is named."""
        data = json.dumps(body, default=str)
        return self._send("POST", path, name or path, data, arguments=body, note=desk.note_misuse)

    def deliver(self, path: str, event: Mapping[str, Any]) -> Reply:
        """Send an event as Stripe does, signed (https://docs.stripe.com/webhooks), to a webhook."""
        data = json.dumps(event, default=str)
        at = int(time.time())
        signed = hmac.new(desk.orders.secret.encode(), f"{at}.{data}".encode(), hashlib.sha256)
        headers = {"Stripe-Signature": f"t={at},v1={signed.hexdigest()}"}
        arguments = {"event": event["id"], "type": event["type"]}
        return self._send("POST", path, path, data, str(event["id"]), arguments, headers)

    def at_stripe(self, command: str, **arguments: Any) -> None:
        """Let something happen at Stripe's stand-in, such as ``pay``. It is no call of ours."""
        if desk.orders.stripe:
            url = f"{desk.orders.stripe}/_control/{command}"
            self.client.post(url, json=arguments, name=f"Stripe: {command}")

    def _send(
        self,
        method: str,
        path: str,
        name: str,
        data: str | None = None,
        key: str = "",
        arguments: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        note: Callable[[str, CallRecord], None] = desk.note_request,
    ) -> Reply:
        told = {"Content-Type": "application/json", **(headers or {})}
        attempt = 1
        while True:

            def ended(reply: Reply, start: int, end: int, attempt: int = attempt) -> None:
                call = CallRecord(
                    next(desk.calls), self.session, f"{method} {name}", reply.outcome, start, end,
                    dict(arguments or {}), key, dict(reply.body), attempt=attempt,
                )  # fmt: skip
                note(self.target, call)

            reply = self._once(method, path, name, data, told, ended)
            if reply.outcome not in _AGAIN or attempt == _ATTEMPTS:
                return reply
            self._before_again(attempt)
            attempt += 1

    def _once(
        self,
        method: str,
        path: str,
        name: str,
        data: str | None,
        headers: dict[str, str],
        ended: Callable[[Reply, int, int], None],
    ) -> Reply:
        start, end = time.monotonic_ns(), 0
        reply = Reply(Outcome.UNKNOWN, {"message": "given up"})
        try:
            with self.client.request(
                method, path, name=name, data=data, headers=headers, catch_response=True
            ) as response:
                reply = _read(response)
                end = 0 if reply.outcome is Outcome.UNKNOWN else time.monotonic_ns()
                if reply.outcome in _FAILED:
                    response.failure(CallFailed(f"{reply.outcome}: {dict(reply.body)}"))
                else:
                    response.success()
        finally:
            ended(reply, start, end)
        return reply


def at_stripe(command: str, **arguments: Any) -> None:
    """Tell Stripe's stand-in something that isn't a user's: plan a ``fault``, say."""
    if desk.orders.stripe:
        url = f"{desk.orders.stripe}/_control/{command}"
        session = FastHttpSession(None, events.request, None)
        session.post(url, json=arguments, name=f"Stripe: {command}")


def between(low: float, high: float) -> Callable[[LoadUser], float]:
    """Return a wait_time of so many seconds, drawn by the user's own random numbers."""
    return lambda user: user.random.uniform(low, high)


def _read(response: Any) -> Reply:
    """Return what an answer of the service means."""
    status = int(response.status_code)
    if not status:
        unsent = isinstance(response.error, ConnectionRefusedError)
        outcome = Outcome.ERROR if unsent else Outcome.UNKNOWN
        return Reply(outcome, {"message": repr(response.error)})
    try:
        body = json.loads(response.content or b"{}")
    except ValueError:
        body = {"message": "the body is no JSON"}
    body = body if isinstance(body, dict) else {"rows": len(body)}
    return Reply(_outcome(status, str(body.get("reason", ""))), body)


def _outcome(status: int, reason: str) -> Outcome:
    if reason in _OPEN:
        return Outcome.UNKNOWN
    if 200 <= status < 300:
        return Outcome.OK
    if status in _REFUSALS:
        return Outcome.REFUSED
    return Outcome.RETRYABLE if status == 503 else Outcome.ERROR
