"""Log lines: one JSON object each, with the request's id, and never a secret.

A line holds what the code names: no bodies, no headers, no messages of exceptions, which may quote
either. Fields that are named like a secret are blanked all the same, and so is every secret of the
settings wherever it turns up.
"""

from __future__ import annotations

import re
import time
import traceback
import uuid
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import unexpected

REQUEST_ID = "X-Request-Id"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECRET = re.compile(r"secret|passw|token$|dsn|authorization|signature|license_key|api_key", re.I)

request_id: ContextVar[str] = ContextVar("request_id", default="")

Log = Any  # structlog's bound loggers are typed as Any


def logger(stream: Callable[[], TextIO], secrets: tuple[str, ...]) -> Log:
    """Return a logger that writes to what ``stream`` returns at that moment."""
    hidden = re.compile("|".join(map(re.escape, secrets))) if secrets else re.compile(r"(?!)")

    def without_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> Any:
        return {name: _clean(name, value, hidden) for name, value in event.items()}

    def with_request(_: Any, __: str, event: MutableMapping[str, Any]) -> Any:
        return {**event, "request_id": request_id.get()} if request_id.get() else event

    processors: list[Any] = [
        with_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_secrets,
        structlog.processors.JSONRenderer(),
    ]
    return structlog.wrap_logger(_Printer(stream), processors=processors, context_class=dict)


def where(error: BaseException) -> dict[str, Any]:
    """Return what a log line says about an exception: its kinds and places, not its messages."""
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames]
    cause = error.__cause__ or error.__context__
    kinds = [type(each).__name__ for each in (error, cause) if each]
    return {"error": kinds, "at": places, "sqlstate": getattr(error, "sqlstate", None)}


class RequestLog:
    """Gives each request its id, answers it back, logs the request, and catches what nobody did."""

    def __init__(
        self, app: ASGIApp, log: Log, count: Callable[[str, str, int], None] = lambda *_: None
    ) -> None:
        self._app, self._log, self._count = app, log, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(REQUEST_ID.lower().encode(), b"").decode("latin-1")
        own = given if _GIVEN.fullmatch(given) else str(uuid.uuid4())
        token = request_id.set(own)
        begun, status, told = time.perf_counter(), 0, False

        def tell() -> None:
            nonlocal told
            if not told:
                told = True
                self._line(scope, status, time.perf_counter() - begun)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append(
                    (REQUEST_ID.lower().encode(), own.encode())
                )
            elif not message.get("more_body"):
                # Before the end is sent: whoever has the answer finds the line.
                tell()
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:
            self._log.error("unexpected", **where(error))
            if status:
                raise
            await unexpected()(scope, receive, answer)
        finally:
            tell()
            request_id.reset(token)

    def _line(self, scope: Scope, status: int, seconds: float) -> None:
        # The route as it is written: the path itself may hold what a log has no business with.
        route = getattr(scope.get("route"), "path", "")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._count(method, route, status)
        say = self._log.error if status >= 500 else self._log.info
        say(
            "request",
            method=method,
            route=route,
            status=status,
            seconds=round(seconds, 4),
        )


class _Printer:
    def __init__(self, stream: Callable[[], TextIO]) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write a line at once: what a crash leaves unwritten is what one wants to know."""
        print(line, file=self._stream(), flush=True)

    debug = info = warning = error = critical = msg


def _clean(name: str, value: Any, hidden: re.Pattern[str]) -> Any:
    if _SECRET.search(name):
        return "***"
    return hidden.sub("***", value) if isinstance(value, str) else value
