"""What the service is told from outside. Secrets come from the environment, never from a file here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from clients.retry import Policy

STRIPE = "https://api.stripe.com"


@dataclass(frozen=True)
class Settings:
    """All of them. Times are seconds.

    ``dsn`` is a login role's that is a member of ``role``. Each endpoint at Stripe has a signing
    secret of its own; any of ``webhook_secrets`` will do. ``lease`` is how long a call to Stripe may
    be under way before somebody else repeats it; it has to be longer than the attempts of one
    request together. ``journal`` is a folder that outlives the service: generations are kept there
    while the database can't be reached. Workers work every so many seconds, with 0 never.
    """

    dsn: str = field(repr=False)
    stripe_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    stripe_url: str = STRIPE
    public_url: str = "http://127.0.0.1:8000"
    role: str = "service_role"
    connections: int = 10
    statement_timeout: float = 10.0
    retry: Policy = field(default_factory=lambda: Policy(attempts=5, patience=3.0))
    stripe_timeout: float = 15.0
    stripe_retries: int = 2
    lease: int = 60
    monitor_every: float = 15.0
    monitor_window: float = 3600.0
    settle_every: float = 5.0
    refund_every: float = 5.0
    journal: Path = Path("unbilled-generations")
    log_to: Callable[[], TextIO] = lambda: sys.stdout

    def __post_init__(self) -> None:
        needed = self.stripe_timeout * (self.stripe_retries + 1)
        if not 1 <= self.lease <= 3600 or self.lease <= needed:
            raise ValueError(
                f"lease is {self.lease} s: it has to be more than the {needed:g} s that the"
                " attempts to reach Stripe may take, and 3600 at most"
            )

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must never be written anywhere."""
        return tuple(filter(None, (self.dsn, self.stripe_key, *self.webhook_secrets)))
