"""The simulator's own API: ``POST /_control/<command>`` with a JSON object of arguments.

The commands are the methods of :class:`stripe_simulator.Simulator` of the same name, and answer
``{"result": ...}``. ``GET /_control`` answers the status. Nothing of this exists at Stripe.
"""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .refusals import Refused

if TYPE_CHECKING:
    from .simulator import Simulator

COMMANDS = (
    "add_endpoint",
    "add_funds",
    "advance",
    "balance",
    "clear_faults",
    "deliveries",
    "fault",
    "finish_payout",
    "hold_webhooks",
    "objects",
    "pay",
    "release_webhooks",
    "remove_endpoint",
    "renew",
    "resend",
    "set_backoff",
    "set_delivery",
    "status",
)
# These wait, and the server's loop must not: it has methods of its own for them.
_WAITING = {"settle": "settled", "reset": "start_over"}


async def command(simulator: Simulator, request: Request) -> Response:
    """Answer a command: 404 for no such one, 400 for arguments that it can't work with."""
    name = request.path_params["name"]
    if name not in COMMANDS and name not in _WAITING:
        known = ", ".join([*COMMANDS, *_WAITING])
        return _failed(404, f"no command '{name}'; there are {known}")
    try:
        body = await request.body()
        arguments = json.loads(body or b"{}")
        result = getattr(simulator, _WAITING.get(name, name))(**arguments)
        result = await result if name in _WAITING else result
    except Refused as refused:
        return _failed(refused.status, str(refused))
    except (TypeError, ValueError, TimeoutError) as error:
        return _failed(400, f"{name}: {error or type(error).__name__}")
    return JSONResponse({"result": _plain(result)})


def _failed(status: int, message: str) -> Response:
    return JSONResponse({"error": message}, status)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
