"""Errors in Stripe's shape: ``{"error": {"type", "code", "message", "param", ...}}``.

Sources: https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

INVALID = "invalid_request_error"


@dataclass(frozen=True)
class Reply:
    """An answer over HTTP: its status, its JSON and its headers."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 (an answer like any other)
    """A request that is answered with an error.

    ``executed`` says whether the endpoint had begun its work. Only then is the answer kept under
    the request's idempotency key; see :mod:`stripe_simulator.idempotency`.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID,
        code: str | None = None,
        param: str | None = None,
        executed: bool = True,
        retry: bool | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.executed = executed
        self.retry = retry
        self.error = {"type": kind, "code": code, "message": message, "param": param, **more}

    def reply(self) -> Reply:
        """Return the answer. Fields without a value are left out, as Stripe does."""
        error = {name: value for name, value in self.error.items() if value is not None}
        if "code" in error:
            page = str(error["code"]).replace("_", "-")
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{page}"
        retry = {} if self.retry is None else {"Stripe-Should-Retry": str(self.retry).lower()}
        return Reply(self.status, json.dumps({"error": error}, indent=2).encode(), retry)


def invalid(message: str, param: str | None, code: str | None = None) -> Refused:
    """Return the refusal of a parameter. Nothing was executed, so no key is used up by it."""
    return Refused(message, param=param, code=code, executed=False)


def missing(kind: str, id: str, param: str = "id", status: int = 404) -> Refused:
    """Return the refusal of an id that nothing has: 404 in a path, 400 in a parameter."""
    message = f"No such {kind}: '{id}'"
    return Refused(message, status=status, param=param, code="resource_missing")


def unexpected_state(message: str, intent: Mapping[str, Any]) -> Refused:
    """Return the refusal of a step that the payment's status doesn't allow."""
    return Refused(message, code="payment_intent_unexpected_state", payment_intent=intent)


def server_error() -> Refused:
    """Return a 500. SDKs are told not to repeat it: the same key would get the same answer.

    Source: the comment on ``stripe-should-retry`` in the stripe package's ``HTTPClient``.
    """
    message = "An unknown error occurred"
    return Refused(message, status=500, kind="api_error", retry=False)


def rate_limited() -> Refused:
    """Return a 429. The limiter stands before everything else, so no key is used up.

    Source: https://docs.stripe.com/error-low-level and https://docs.stripe.com/rate-limits
    """
    message = "Request rate limit exceeded."
    return Refused(message, status=429, code="rate_limit", executed=False)


def lock_timeout(status: int = 429) -> Refused:
    """Return what Stripe says while something else holds the object. Repeating is right.

    Source: https://docs.stripe.com/rate-limits#object-lock-timeouts (status 429).
    """
    message = (
        "This object cannot be accessed right now because another API request or Stripe process "
        "is currently accessing it. If you see this error intermittently, retry the request."
    )
    return Refused(message, status=status, code="lock_timeout", executed=False, retry=True)


def full(limit: int) -> Refused:
    """Return the simulator's own refusal: what it holds is bounded. Stripe has no such answer."""
    message = f"The simulator holds {limit} objects or keys, which is its limit. Reset it."
    return Refused(message, status=503, kind="api_error", executed=False, retry=False)
