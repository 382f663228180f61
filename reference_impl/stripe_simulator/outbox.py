"""Which events go to whom, when, how often, and in which order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from .account import Resource
from .webhooks import Endpoint, Parcel

ORDERS = ("made", "reversed", "shuffled")

# Takes parcels, a delay in seconds, and whether they go all at once.
Post = Callable[[list[Parcel], float, bool], None]


class Outbox:
    """The endpoints, and the events that wait for them. Whoever calls holds the world's lock."""

    def __init__(self, seed: int, post: Post) -> None:
        self.endpoints: list[Endpoint] = []
        self.held: list[Parcel] | None = None
        self.delay = 0.0
        self.copies = 1
        self.closed = False
        self._post = post
        self._random = random.Random(f"{seed}:outbox")  # noqa: S311

    def announce(self, event: Resource) -> None:
        """Send an event to the endpoints that want it, or keep it while webhooks are held."""
        parcels = self._parcels(event)
        event["pending_webhooks"] = len(parcels)
        if self.closed or not parcels:
            return
        if self.held is not None:
            self.held += parcels
        else:
            self._post(parcels * self.copies, self.delay, True)

    def release(self, order: str, copies: int, at_once: bool, delay: float) -> int:
        """Send what was held, in the given order, each event ``copies`` times in a row.

        Returns the number of parcels. Webhooks aren't held any more afterwards.
        """
        if order not in ORDERS:
            raise ValueError(f"no order '{order}'; there are {', '.join(ORDERS)}")
        held, self.held = self.held or [], None
        if order == "reversed":
            held.reverse()
        elif order == "shuffled":
            self._random.shuffle(held)
        return self._send(held, copies, at_once, delay)

    def resend(self, event: Resource, copies: int, at_once: bool, age: float) -> int:
        """Send an event again, signed as if ``age`` seconds ago. Returns the parcels' number."""
        return self._send(self._parcels(event, age), copies, at_once, 0.0)

    def _parcels(self, event: Resource, age: float = 0.0) -> list[Parcel]:
        wanting = [endpoint for endpoint in self.endpoints if endpoint.wants(event)]
        return [Parcel(endpoint, event, age) for endpoint in wanting]

    def _send(self, parcels: Sequence[Parcel], copies: int, at_once: bool, delay: float) -> int:
        if not 1 <= copies <= 100:
            raise ValueError(f"copies are 1 to 100, not {copies}")
        sent = [parcel for parcel in parcels for _ in range(copies)]
        if sent:
            self._post(sent, delay, at_once)
        return len(sent)
