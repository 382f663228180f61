"""Money that leaves the account: payouts to a bank, transfers to a connected account.

Sources: https://docs.stripe.com/api/payouts and https://docs.stripe.com/api/transfers. Neither can
take out more than the balance holds.
"""

from __future__ import annotations

from .account import Account, Resource
from .clock import DAY
from .params import Params
from .refusals import Refused


def create_payout(account: Account, params: Params, _: str) -> Resource:
    """Take money out. The payout is ``pending`` until :func:`finish_payout`."""
    amount, currency, metadata = params.amount(), params.currency(), params.metadata()
    fields = {
        "description": params.text("description"),
        "destination": params.text("destination"),
        "method": params.choice("method", ("standard", "instant"), "standard"),
        "statement_descriptor": params.text("statement_descriptor"),
    }
    account.spend(currency, amount)
    payout = account.make(
        "payout",
        "po",
        amount=amount,
        currency=currency,
        metadata=metadata,
        arrival_date=account.clock.now() + 2 * DAY,
        automatic=False,
        failure_code=None,
        status="pending",
        **fields,
    )
    account.emit("payout.created", payout)
    return payout


def finish_payout(account: Account, id: str, failed: bool) -> Resource:
    """Let a payout arrive, or fail: then its money is back in the balance.

    Raises Refused where it has ended before.
    """
    payout = account.find("payout", id)
    if payout["status"] != "pending":
        raise Refused(f"Payout {id} is {payout['status']} already.")
    if failed:
        account.move(payout["currency"], payout["amount"])
        payout |= {"status": "failed", "failure_code": "account_closed"}
    else:
        payout["status"] = "paid"
    account.emit(f"payout.{payout['status']}", payout)
    return payout


def create_transfer(account: Account, params: Params, _: str) -> Resource:
    """Move money to the account ``destination`` (``acct_...``), which always exists here."""
    amount, currency, metadata = params.amount(), params.currency(), params.metadata()
    fields = {
        "description": params.text("description"),
        "destination": params.needed("destination"),
        "source_transaction": params.text("source_transaction"),
        "transfer_group": params.text("transfer_group"),
    }
    account.spend(currency, amount)
    transfer = account.make(
        "transfer",
        "tr",
        amount=amount,
        amount_reversed=0,
        currency=currency,
        metadata=metadata,
        reversed=False,
        **fields,
    )
    account.emit("transfer.created", transfer)
    return transfer


def balance(account: Account, _: Params, __: str) -> Resource:
    """Return the balance. All of it is available; what was held back is always zero here."""
    found = account.balance or {"usd": 0}
    available = [{"amount": amount, "currency": name} for name, amount in found.items()]
    pending = [{"amount": 0, "currency": name} for name in found]
    return {"object": "balance", "livemode": False, "available": available, "pending": pending}
