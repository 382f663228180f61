"""A mixed day: users of all five systems at once, on one database and one service.

Most people spend; a flash sale, a month's end and a storm of webhooks happen beside them.
"""

from credit_purchase import SpenderInDatabase, SpenderOverHttp
from lead_marketplace import BuyerInDatabase, BuyerOverHttp
from license_billing import CallerInDatabase, CallerOverHttp
from peer_booking import MemberInDatabase, MemberOverHttp
from stripe_idempotency import PayerInDatabase, PayerOverHttp

__all__ = [
    "BuyerInDatabase",
    "BuyerOverHttp",
    "CallerInDatabase",
    "CallerOverHttp",
    "MemberInDatabase",
    "MemberOverHttp",
    "PayerInDatabase",
    "PayerOverHttp",
    "SpenderInDatabase",
    "SpenderOverHttp",
]

SpenderInDatabase.weight = SpenderOverHttp.weight = 3
