"""Reading a request: who asks, for what, under which key."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from .form import decode
from .refusals import Refused

_LARGEST = 1_000_000
_TEST_KEYS = ("sk_test_", "rk_test_")


@dataclass(frozen=True)
class Incoming:
    """A request to the API. ``key`` is the idempotency key; only POST can have one."""

    method: str
    path: str
    params: dict[str, Any]
    api_key: str
    key: str | None


async def read(request: Request) -> Incoming:
    """Return the request. Raises Refused: 401 without a test key, 400 for what can't be read."""
    api_key = _api_key(request.headers.get("authorization", ""))
    if "stripe-account" in request.headers or "stripe-context" in request.headers:
        raise Refused("Requests for a connected account aren't simulated.", executed=False)
    posted = request.method == "POST"
    text = await _body(request) if posted else request.url.query
    key = request.headers.get("idempotency-key") if posted else None
    return Incoming(request.method, request.url.path, decode(text), api_key, key or None)


def _api_key(header: str) -> str:
    """Return the API key. Live keys are refused: none should ever be sent here.

    Source: https://docs.stripe.com/api/authentication (Bearer, or Basic with the key as user).
    """
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    if not value:
        raise Refused("You did not provide an API key.", status=401, executed=False)
    if not value.startswith(_TEST_KEYS):
        message = f"Invalid API Key provided: {value[:8]}***. The simulator takes test keys."
        raise Refused(message, status=401, executed=False)
    return value


async def _body(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise Refused("The request is too large.", status=413, executed=False)
    return body.decode("utf-8", "replace")
