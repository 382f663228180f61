"""The simulator as an object: start it, pay, break things, look."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from . import checkout, outgoing, payments, subscriptions
from .account import Resource, public
from .app import build
from .faults import Fault
from .gateway import Gateway
from .ids import Ids
from .server import HOST, Connections, Server
from .webhooks import Backoff, Courier, Delivery, Endpoint, Parcel
from .world import World


class Simulator:
    """A Stripe that answers at :attr:`url` between :meth:`start` and :meth:`close`.

    ``seed`` decides over ids, shuffles and fractions of faults; without one it is drawn, and
    :attr:`seed` says which it was. ``latency`` (seconds) passes before every effect. ``limit``
    bounds the objects and, apart from them, the idempotency keys that are held.

    Every method may be called from any thread. Those that are named in ``control.COMMANDS`` can be
    called over HTTP too.
    """

    def __init__(
        self,
        seed: int | None = None,
        *,
        port: int = 0,
        latency: float = 0.002,
        limit: int = 100_000,
    ) -> None:
        self.seed = random.SystemRandom().randrange(2**32) if seed is None else seed
        self._limit = limit
        self._ids = Ids(self.seed)
        self._courier = Courier(log_size=10_000)
        connections = Connections()
        gateway = Gateway(lambda: self._world, connections.hang_up, latency)
        self._server = Server(build(self, gateway), port, connections)
        self.url = f"http://{HOST}:{self._server.port}"
        self._world = self._new_world()

    def __repr__(self) -> str:
        return f"Simulator(seed={self.seed}, url={self.url!r})"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start serving on 127.0.0.1."""
        self._server.start()

    def close(self) -> None:
        """Stop. What is still on its way is given up; the thread has ended afterwards."""
        self.clear_faults()
        self._server.close(self._courier.close)

    # Paying and other things that happen at Stripe's end.

    def pay(self, session: str, card: str = payments.CARD) -> Resource:
        """Pay a checkout session as its buyer would, and return it.

        Raises Refused: no such session (404), not open (400), card declined (402).
        """
        with self._world.lock:
            return public(checkout.pay(self._world.account, session, card))

    def renew(self, subscription: str, card: str = payments.CARD) -> Resource:
        """Bill a subscription's next period now. A declined card leaves it past due."""
        with self._world.lock:
            return public(subscriptions.renew(self._world.account, subscription, card))

    def finish_payout(self, payout: str, failed: bool = False) -> Resource:
        """Let a pending payout arrive, or fail; its money is then back in the balance."""
        with self._world.lock:
            return public(outgoing.finish_payout(self._world.account, payout, failed))

    def add_funds(self, amount: int, currency: str = "usd") -> int:
        """Put money into the balance, in the currency's smallest unit; return the balance."""
        if amount < 1:
            raise ValueError(f"funds are 1 or more, not {amount}")
        with self._world.lock:
            self._world.account.move(currency, amount)
            return self._world.account.balance[currency]

    def advance(self, seconds: float) -> int:
        """Move the clock ahead and return the new time (seconds since 1970).

        Keys that are 24 hours old are forgotten, sessions expire, and due periods are billed.
        """
        return self._world.advance(seconds)

    # Faults.

    def fault(self, kind: str, method: str = "*", path: str = "*", **how: Any) -> Resource:
        """Plan a fault for requests that match: ``times``, ``fraction``, ``seconds``, ``status``.

        ``kind`` is one of ``faults.KINDS``. Without ``times`` and ``fraction`` it strikes once.
        Raises ValueError for what doesn't exist.
        """
        with self._world.lock:
            return _fault(self._world.faults.plan(Fault(kind, method, path, **how)))

    def clear_faults(self) -> None:
        """Let nothing more go wrong, and let requests that a fault keeps waiting go on."""
        with self._world.lock:
            self._world.faults.clear()

    # Webhooks.

    def add_endpoint(
        self, url: str, secret: str | None = None, events: Sequence[str] = ("*",)
    ) -> Endpoint:
        """Tell ``url`` of events from now on. Raises ValueError unless it is on this machine.

        ``events`` are types or globs such as ``checkout.session.*``. A secret is made if need be.
        """
        with self._world.lock:
            endpoint = Endpoint(url, secret or self._ids("whsec"), tuple(events))
            self._world.outbox.endpoints.append(endpoint)
            return endpoint

    def remove_endpoint(self, url: str) -> None:
        """Tell ``url`` of no further events."""
        with self._world.lock:
            outbox = self._world.outbox
            outbox.endpoints = [known for known in outbox.endpoints if known.url != url]

    def set_delivery(self, delay: float = 0.0, copies: int = 1) -> None:
        """Deliver later events ``delay`` seconds late and ``copies`` times, all at once."""
        if delay < 0 or not 1 <= copies <= 100:
            raise ValueError("a delay is 0 or more, copies are 1 to 100")
        with self._world.lock:
            self._world.outbox.delay, self._world.outbox.copies = delay, copies

    def set_backoff(self, **pauses: Any) -> Backoff:
        """Set the pauses between attempts: ``first``, ``factor``, ``longest``, ``attempts``."""
        self._courier.backoff = Backoff(**pauses)
        return self._courier.backoff

    def hold_webhooks(self) -> None:
        """Keep events back until :meth:`release_webhooks`."""
        with self._world.lock:
            self._world.outbox.held = self._world.outbox.held or []

    def release_webhooks(
        self, order: str = "made", copies: int = 1, at_once: bool = False, delay: float = 0.0
    ) -> int:
        """Send what was held: in the order ``made``, ``reversed`` or ``shuffled``.

        Each after the answer to the one before, or all ``at_once``. Returns how many were sent.
        """
        with self._world.lock:
            return self._world.outbox.release(order, copies, at_once, delay)

    def resend(self, event: str, copies: int = 1, at_once: bool = True, age: float = 0.0) -> int:
        """Send an event again, signed as if ``age`` seconds ago. Returns how many were sent."""
        with self._world.lock:
            found = self._world.account.find("event", event)
            return self._world.outbox.resend(found, copies, at_once, age)

    def deliveries(self) -> list[Delivery]:
        """Return the attempts so far, oldest first; the last 10,000 of them."""
        return list(self._courier.log)

    def settle(self, timeout: float = 60.0) -> list[Delivery]:
        """Wait until every event was answered 2xx or given up, and return the attempts.

        Raises TimeoutError. Events that are held don't count.
        """
        return self._server.wait_for(self.settled(timeout))

    async def settled(self, timeout: float = 60.0) -> list[Delivery]:
        """Do what :meth:`settle` does, in the server's own loop."""
        await asyncio.sleep(0)
        async with asyncio.timeout(timeout):
            await self._courier.idle()
        return self.deliveries()

    # Looking, and starting over.

    def objects(self, kind: str) -> list[Resource]:
        """Return copies of all objects of a kind (``payment_intent``, ``event``), oldest first."""
        with self._world.lock:
            return [public(row) for row in self._world.account.table(kind).values()]

    def balance(self, currency: str = "usd") -> int:
        """Return the balance of a currency, in its smallest unit."""
        with self._world.lock:
            return self._world.account.balance.get(currency, 0)

    def status(self) -> Resource:
        """Return the seed, the time, balances, counts, and the faults that are planned."""
        world = self._world
        with world.lock:
            return {
                "seed": self.seed,
                "now": world.clock.now(),
                "balance": dict(world.account.balance),
                "objects": {kind: len(rows) for kind, rows in world.account.tables.items()},
                "keys": len(world.keys),
                "faults": [_fault(fault) for fault in world.faults.planned],
                "held": len(world.outbox.held or ()),
                "given_up": self._courier.given_up,
            }

    def reset(self) -> None:
        """Forget everything, endpoints and clock included. Ids go on, so that none comes twice."""
        self._server.wait_for(self.start_over())

    async def start_over(self) -> None:
        """Do what :meth:`reset` does, in the server's own loop."""
        with self._world.lock:
            self._world.outbox.closed = True
            self._world.faults.clear()
            self._world = self._new_world()
        await self._courier.drop()
        self._courier.log.clear()
        self._courier.given_up, self._courier.backoff = 0, Backoff()

    def _new_world(self) -> World:
        return World(self._ids, self._limit, f"{self.url}/pay", self._post)

    def _post(self, parcels: list[Parcel], delay: float, at_once: bool) -> None:
        self._server.soon(self._courier.send, parcels, delay, at_once)


def _fault(fault: Fault) -> Resource:
    return {name: value for name, value in vars(fault).items() if name != "draw"}
