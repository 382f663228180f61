"""Webhooks: signed, sent again until they are answered 2xx, and only ever to this machine.

Sources: https://docs.stripe.com/webhooks (signatures, retries, no promise about order or about
once). Stripe goes on for up to three days; here the pauses are fractions of a second, so that a
test can wait for them. Every attempt is signed anew, with the machine's own time: that is what the
receiver compares it with, and the simulator's clock may be days ahead of it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import httpx
import stripe

from .account import Resource

# As many as httpx opens connections. More would wait in its queue, time out there although nobody has
# been slow, and be sent again; and what httpx does for each waiting request grows with their number.
_AT_ONCE = 100


@dataclass(frozen=True)
class Endpoint:
    """Who is told: a URL on this machine, its signing secret, and the types it wants (globs)."""

    url: str
    secret: str
    events: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        _require_loopback(self.url)

    def wants(self, event: Resource) -> bool:
        """Say whether the endpoint is to be told of an event."""
        return any(fnmatchcase(event["type"], wanted) for wanted in self.events)


@dataclass(frozen=True)
class Backoff:
    """Pauses between attempts, in real seconds: ``first``, then ``factor`` times as long each."""

    first: float = 0.05
    factor: float = 2.0
    longest: float = 1.0
    attempts: int = 8

    def pause(self, attempt: int) -> float:
        """Return the pause after the given attempt (the first is 1)."""
        return min(self.first * self.factor ** (attempt - 1), self.longest)


@dataclass(frozen=True)
class Delivery:
    """One attempt: what was sent where, and the answer. ``status`` is None where none came."""

    event: str
    type: str
    url: str
    attempt: int
    status: int | None
    error: str | None
    at: float

    @property
    def ok(self) -> bool:
        """Say whether the endpoint took the event."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True)
class Parcel:
    """One event on its way to one endpoint, signed as if ``age`` seconds ago."""

    endpoint: Endpoint
    event: Resource
    age: float = 0.0


class Courier:
    """Sends parcels. Everything here runs in the server's event loop."""

    def __init__(self, log_size: int) -> None:
        self.backoff = Backoff()
        self.log: deque[Delivery] = deque(maxlen=log_size)
        self.given_up = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self._on_the_way = asyncio.Semaphore(_AT_ONCE)

    async def idle(self) -> None:
        """Wait until everything was answered 2xx or given up."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def send(self, parcels: list[Parcel], delay: float, at_once: bool) -> None:
        """Send parcels after ``delay`` seconds: all at once, or each after the last's answer."""
        groups = [[parcel] for parcel in parcels] if at_once else [parcels]
        for group in groups:
            self._start(self._run(group, delay))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, parcels: list[Parcel], delay: float) -> None:
        await asyncio.sleep(delay)
        for parcel in parcels:
            if not await self._attempt(parcel, 1):
                self._start(self._again(parcel))

    async def _again(self, parcel: Parcel) -> None:
        """Repeat what failed, without keeping other parcels waiting."""
        for attempt in range(2, self.backoff.attempts + 1):
            await asyncio.sleep(self.backoff.pause(attempt - 1))
            if await self._attempt(parcel, attempt):
                return
        self.given_up += 1

    async def _attempt(self, parcel: Parcel, attempt: int) -> bool:
        async with self._on_the_way:
            status, error = await self._post(parcel)
        event, url = parcel.event, parcel.endpoint.url
        now = time.time()
        self.log.append(Delivery(event["id"], event["type"], url, attempt, status, error, now))
        return self.log[-1].ok

    async def _post(self, parcel: Parcel) -> tuple[int | None, str | None]:
        """Return the status of the answer, or the name of the error in its place."""
        body = json.dumps(parcel.event, indent=2)
        signed = stripe.WebhookSignature.generate_signature_header(
            body, parcel.endpoint.secret, timestamp=int(time.time() - parcel.age)
        )
        headers = {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signed}
        try:
            answer = await self._http().post(parcel.endpoint.url, content=body, headers=headers)
        except httpx.HTTPError as failure:
            return None, type(failure).__name__
        return answer.status_code, None

    def _http(self) -> httpx.AsyncClient:
        # No proxy and no redirects: nothing may lead a request away from this machine.
        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=10)
        return self._client

    async def drop(self) -> None:
        """Give up all that is on its way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Give up all that is on its way, and close the connections."""
        await self.drop()
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _require_loopback(url: str) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if parts.scheme not in ("http", "https") or not here:
        raise ValueError(f"webhooks go to this machine only (127.0.0.1, ::1, localhost): {url}")
