"""From an HTTP request to its answer, in the order in which Stripe looks at things.

API key, rate limiter, URL, idempotency key, parameters, effect. The limiter stands before the
idempotency layer: https://docs.stripe.com/error-low-level
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from . import routes
from .account import API_VERSION, public
from .faults import EXECUTING, KINDS, Fault
from .incoming import Incoming, read
from .params import Params
from .refusals import Refused, Reply, lock_timeout, rate_limited, server_error
from .world import World

_LATER = frozenset(KINDS) - {"rate_limited"}


class HangUp(Exception):  # noqa: N818 (asked for, not an error)
    """The connection is to be broken without an answer."""


@dataclass(frozen=True)
class _Job:
    """One request, its id, and the world that it came into."""

    world: World
    incoming: Incoming
    request_id: str

    def take(self, kinds: frozenset[str]) -> dict[str, Fault]:
        with self.world.lock:
            return self.world.faults.take(self.incoming.method, self.incoming.path, kinds)


class Gateway:
    """Answers API requests. ``latency`` seconds pass between a request and its effect.

    Without them no two requests would ever overlap, and no key would ever be in use.
    """

    def __init__(
        self,
        world: Callable[[], World],
        hang_up: Callable[[Request], Awaitable[None]],
        latency: float,
    ) -> None:
        self._world = world
        self._hang_up = hang_up
        self._latency = latency

    async def __call__(self, request: Request) -> Response:
        """Answer a request, or break its connection."""
        world = self._world()
        with world.lock:
            request_id = world.ids("req")
        headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        try:
            job = _Job(world, await read(request), request_id)
            reply = await self._serve(job)
        except HangUp:
            await self._hang_up(request)
            return Response()
        except Refused as refused:
            reply = refused.reply()
        headers.update(reply.headers)
        return Response(reply.body, reply.status, headers, "application/json")

    async def _serve(self, job: _Job) -> Reply:
        if job.take(frozenset({"rate_limited"})):
            raise rate_limited()
        handler, id = routes.find(job.incoming.method, job.incoming.path)
        if job.incoming.key is not None:
            return await self._serve_once(job, job.incoming.key, handler, id)
        faults = job.take(_LATER)
        await self._before(faults)
        with job.world.lock:
            reply = _execute(job, handler, id, faults)
        return _unless_dropped(reply, faults)

    async def _serve_once(self, job: _Job, key: str, handler: routes.Handler, id: str) -> Reply:
        """Answer a request with an idempotency key: execute it, or replay its first answer."""
        keys, ask = job.world.keys, job.incoming
        with job.world.lock:
            now = job.world.clock.now()
            known = keys.claim(ask.api_key, key, ask.path, ask.params, now)
        if known is not None:
            return await self._replay(job, known)
        try:
            faults = job.take(_LATER)
            await self._before(faults)
            with job.world.lock:
                # The effect and its answer under the key are one step: nobody sees one alone.
                reply = _named(_execute(job, handler, id, faults), job, key)
                keys.keep(ask.api_key, key, reply)
        finally:
            with job.world.lock:
                keys.release(ask.api_key, key)
        return _unless_dropped(reply, faults)

    async def _replay(self, job: _Job, known: Reply) -> Reply:
        faults = job.take(_LATER - EXECUTING)
        await self._before(faults)
        headers = {**known.headers, "Idempotent-Replayed": "true"}
        return _unless_dropped(Reply(known.status, known.body, headers), faults)

    async def _before(self, faults: dict[str, Fault]) -> None:
        await asyncio.sleep(self._latency)
        if "slow" in faults:
            await _dawdle(faults["slow"])
        if "drop_before_effect" in faults:
            raise HangUp
        if "lock_timeout" in faults:
            raise lock_timeout(faults["lock_timeout"].status)


async def _dawdle(fault: Fault) -> None:
    """Wait until the fault's time is up, or until it is lifted."""
    end = time.monotonic() + fault.seconds
    while not fault.lifted and (left := end - time.monotonic()) > 0:
        await asyncio.sleep(min(left, 0.01))


def _execute(job: _Job, handler: routes.Handler, id: str, faults: dict[str, Fault]) -> Reply:
    """Do what was asked for. Raises Refused only where nothing was executed."""
    account = job.world.account
    account.request = {"id": job.request_id, "idempotency_key": job.incoming.key}
    try:
        if "server_error" in faults:
            raise server_error()
        if job.incoming.method == "POST":
            account.require_room()
        answer = public(handler(account, Params(job.incoming.params), id))
        if "server_error_after_effect" in faults:
            raise server_error()
    except Refused as refused:
        if not refused.executed:
            raise
        return refused.reply()
    finally:
        account.request = {"id": None, "idempotency_key": None}
    return Reply(200, json.dumps(answer, indent=2).encode())


def _named(reply: Reply, job: _Job, key: str) -> Reply:
    """Add the headers that Stripe sends with the answer of a keyed request, and with replays."""
    named = {
        "Idempotency-Key": key,
        "Original-Request": job.request_id,
        "Stripe-Should-Retry": "false",
    }
    return Reply(reply.status, reply.body, {**named, **reply.headers})


def _unless_dropped(reply: Reply, faults: dict[str, Fault]) -> Reply:
    if "drop_after_effect" in faults:
        raise HangUp
    return reply
