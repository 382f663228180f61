"""A small Stripe for tests: the real ``stripe`` client talks to it over HTTP.

It follows Stripe's documented rules where they matter for credits: idempotency keys, refunds,
webhooks. It breaks on request. See :class:`Simulator`.
"""

from .refusals import Refused
from .simulator import Simulator
from .webhooks import Backoff, Delivery, Endpoint

__all__ = ["Backoff", "Delivery", "Endpoint", "Refused", "Simulator"]
