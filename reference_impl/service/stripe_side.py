"""The other side: Stripe, through its own client.

Every write carries an idempotency key that somebody has stored before. So where no answer came, the
same call under the same key finds out, and does nothing twice
(https://docs.stripe.com/api/idempotent_requests).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import stripe

from service.settings import Settings

T = TypeVar("T")

_IN_USE = 409  # the key or the object is in use just now


class StripeBusy(Exception):  # noqa: N818 (an outcome)
    """No answer, or "not now". The same call under the same key may be made again."""


class StripeRefused(Exception):  # noqa: N818 (an outcome)
    """A definitive error. The same call under the same key would get it again for 24 hours.

    ``status`` is Stripe's. ``code`` is Stripe's word for it; 5xx have none.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class StripeUnusable(Exception):  # noqa: N818 (an outcome)
    """Stripe doesn't take our API key. Nothing was done, and the operator has to act."""


@asynccontextmanager
async def open_stripe(settings: Settings) -> AsyncIterator[stripe.StripeClient]:
    """Yield a client. It repeats a call that got no answer, under the same key."""
    http = stripe.HTTPXClient(timeout=settings.stripe_timeout)
    try:
        yield stripe.StripeClient(
            settings.stripe_key,
            base_addresses={"api": settings.stripe_url},
            http_client=http,
            max_network_retries=settings.stripe_retries,
        )
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]


async def asked(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call. Raises StripeBusy, StripeRefused and StripeUnusable in place of stripe's errors."""
    try:
        return await call()
    except stripe.APIConnectionError as error:
        raise StripeBusy from error
    except (stripe.AuthenticationError, stripe.PermissionError) as error:
        raise StripeUnusable from error
    except stripe.StripeError as error:
        status = error.http_status or 0
        if status == _IN_USE or isinstance(error, stripe.RateLimitError):
            raise StripeBusy from error
        code = str(getattr(error, "code", None) or "stripe_error")
        raise StripeRefused(status, code, error.user_message or "") from error


def plain(found: Any) -> dict[str, Any]:
    """Return a Stripe object as nested dicts."""
    known: dict[str, Any] = found.to_dict()
    return known
