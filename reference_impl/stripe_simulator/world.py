"""Everything that the simulator knows, so that a reset is a new world."""

from __future__ import annotations

import threading

from . import checkout, subscriptions
from .account import Account
from .clock import Clock
from .faults import Faults
from .idempotency import Keys
from .ids import Ids
from .outbox import Outbox, Post


class World:
    """One account, its idempotency keys, the planned faults and the webhooks.

    ``lock`` is held whenever something is read or changed, and never while waiting.
    """

    def __init__(self, ids: Ids, limit: int, pay_url: str, post: Post) -> None:
        self.lock = threading.RLock()
        self.ids = ids
        self.clock = Clock()
        self.keys = Keys(limit)
        self.faults = Faults(ids.seed)
        self.outbox = Outbox(ids.seed, post)
        self.account = Account(ids, self.clock, limit, self.outbox.announce, pay_url)

    def advance(self, seconds: float) -> int:
        """Move the clock ahead, and do what then is due: sessions expire, periods are billed."""
        with self.lock:
            now = self.clock.advance(seconds)
            checkout.expire_old(self.account)
            subscriptions.renew_due(self.account)
            return now
