"""Idempotency keys: what the first request was answered, later ones are answered too.

Sources: https://docs.stripe.com/api/idempotent_requests and https://docs.stripe.com/error-low-level

- A key's first status and body are kept and replayed, 500s included.
- While the first request runs, another one with its key is a conflict (409).
- The key with other parameters, or at another endpoint, is an error (400).
- Keys can be forgotten after 24 hours. Here they are, as soon as the clock has come that far.
- Nothing is kept where nothing was executed: refused parameters, 401, 429, and conflicts.
- A key has 255 characters at most. Keys of one API key are no keys of another.

The documentation doesn't say what a request with other parameters gets while the first one runs.
Here it is the 400: the parameters are known from the start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from .clock import DAY
from .refusals import Refused, Reply, full

LONGEST = 255


@dataclass
class _Use:
    path: str
    params: str
    since: int
    reply: Reply | None = None


class Keys:
    """The keys that are known. Whoever calls holds the world's lock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._uses: dict[tuple[str, str], _Use] = {}

    def __len__(self) -> int:
        return len(self._uses)

    def claim(
        self, api_key: str, key: str, path: str, params: Mapping[str, Any], now: int
    ) -> Reply | None:
        """Return the answer to replay, or None: the key is then claimed and runs.

        Raises Refused for a key that is too long, runs, or was used for something else.
        """
        if len(key) > LONGEST:
            message = f"Idempotency keys have {LONGEST} characters at most; this one {len(key)}."
            raise Refused(message, executed=False)
        self._forget(now)
        text = json.dumps(params, sort_keys=True)
        use = self._uses.get((api_key, key))
        if use is None:
            if len(self._uses) >= self._limit:
                raise full(self._limit)
            self._uses[api_key, key] = _Use(path, text, now)
            return None
        _require_same(use, key, path, text)
        if use.reply is None:
            raise _in_use(key)
        return use.reply

    def keep(self, api_key: str, key: str, reply: Reply) -> None:
        """Keep the answer of a key that runs."""
        use = self._uses.get((api_key, key))
        if use is not None:
            use.reply = reply

    def release(self, api_key: str, key: str) -> None:
        """Forget a key that runs and has no answer. One that has an answer stays."""
        use = self._uses.get((api_key, key))
        if use is not None and use.reply is None:
            del self._uses[api_key, key]

    def _forget(self, now: int) -> None:
        """Drop the answers that are 24 hours old.

        The oldest stand first, since the clock never goes back. What still runs is left alone.
        """
        old = takewhile(lambda item: now - item[1].since >= DAY, self._uses.items())
        for known in [known for known, use in old if use.reply is not None]:
            del self._uses[known]


def _require_same(use: _Use, key: str, path: str, params: str) -> None:
    if use.path == path and use.params == params:
        return
    what = "with the same parameters they were first used with"
    if use.path != path:
        what = f"for the same endpoint they were first used for ('{path}' vs '{use.path}')"
    message = (
        f"Keys for idempotent requests can only be used {what}. Try using a key other than "
        f"'{key}' if you meant to execute a different request."
    )
    raise Refused(message, kind="idempotency_error", executed=False)


def _in_use(key: str) -> Refused:
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later."
    )
    return Refused(message, status=409, code="idempotency_key_in_use", executed=False)
