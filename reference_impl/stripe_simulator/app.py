"""The web application: Stripe's API, the page to pay on, and the simulator's own API."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from .control import command
from .gateway import Gateway
from .refusals import Refused

if TYPE_CHECKING:
    from .simulator import Simulator

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Checkout (simulated)</title></head>
<body><h1>Checkout (simulated)</h1>{content}</body></html>
"""
_FORM = """<p>{amount} {currency}, mode {mode}, status <strong>{status}</strong></p>
<form method="post">
<label>Card <select name="card">
<option value="pm_card_visa">one that works</option>
<option value="pm_card_chargeDeclined">one that is declined</option>
</select></label>
<button type="submit">Pay</button>
</form>"""


def build(simulator: Simulator, gateway: Gateway) -> Starlette:
    """Return the application."""

    async def status(_: Request) -> Response:
        return JSONResponse(simulator.status())

    return Starlette(
        routes=[
            Route("/pay/{session}", partial(_pay_page, simulator), methods=["GET", "POST"]),
            Route("/_control", status),
            Route("/_control/{name}", partial(command, simulator), methods=["POST"]),
            Route("/{path:path}", gateway.__call__, methods=["GET", "POST", "DELETE"]),
        ]
    )


async def _pay_page(simulator: Simulator, request: Request) -> Response:
    """Show a session, and pay it when its button is clicked."""
    id = request.path_params["session"]
    found = next((row for row in simulator.objects("checkout.session") if row["id"] == id), None)
    if found is None:
        return _page("<p>No such session.</p>", 404)
    if request.method == "GET":
        shown = {name: escape(str(found[f"{name}"])) for name in ("currency", "mode", "status")}
        return _page(_FORM.format(amount=found["amount_total"], **shown))
    declined = b"Declined" in await request.body()
    try:
        card = "pm_card_chargeDeclined" if declined else "pm_card_visa"
        session = simulator.pay(id, card)
    except Refused as refused:
        return _page(f"<p>{escape(str(refused))}</p>", refused.status)
    target = (session["success_url"] or "").replace("{CHECKOUT_SESSION_ID}", id)
    if target.startswith(("http://", "https://")):
        return RedirectResponse(target, 303)
    return _page("<p>Paid.</p>")


def _page(content: str, status: int = 200) -> Response:
    return HTMLResponse(_PAGE.format(content=content), status)
