"""What sessions do to each system: hot accounts, scarce credits, keys sent again, and some misuse."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from history_sessions import Made, Session, number

from crossfoot.history.record import CallRecord

FEW = 3


class Generations(Session):
    """Licenses that can't pay for everything."""

    system = "license_billing"

    @classmethod
    def setup(cls) -> str:
        return ";".join(
            "insert into license_billing.licenses (id, license_key, tenant_id)"
            f" values ('{number(1, n)}', 'key-{n}', '{number(2, n)}');"
            f"select license_billing.add_credits('key-{n}', 100, '{number(3, n)}')"
            for n in range(FEW)
        )

    def next_call(self) -> Made:
        request = self.key()
        given: dict[str, Any] = {
            "license_key": f"key-{self.draw.randrange(FEW)}",
            "amount": self.draw.choice([5, 20, 40, 0, -3]),
            "request_id": request,
        }
        name = self.draw.choice(["deduct_credits"] * 6 + ["add_credits"] * 2 + ["record", "settle"])
        if name == "record":
            self.world.setdefault("kept", []).append(request)
            return "record_unbilled_generation", {**given, "generation": "a text"}, str(request)
        if name == "settle":
            kept = self.one_of("kept", request)
            return "settle_unbilled_generation", {"request_id": kept}, str(kept)
        if self.draw.random() < 0.1:
            given["license_key"] = "nobody's"
        return name, given, str(request)

    async def prelude(self) -> None:
        request = self.key()
        for key, amount in [(request, 20), (request, 20), (self.key(), 40), (self.key(), 70)]:
            given: dict[str, Any] = {"license_key": "key-0", "amount": amount, "request_id": key}
            await self.once("deduct_credits", key, **given)
        await self.once("add_credits", license_key="key-0", amount=80, request_id=self.key())


class Sales(Session):
    """Few leads, many buyers, too few credits."""

    system = "lead_marketplace"

    @classmethod
    def setup(cls) -> str:
        spaces = (
            f"insert into lead_marketplace.workspaces (id) values ('{number(1, n)}');"
            f"select lead_marketplace.add_workspace_credits('{number(1, n)}', 60, 'opening')"
            for n in range(FEW)
        )
        leads = (
            "insert into lead_marketplace.leads"
            " (id, marketplace_status, is_marketplace_listed, marketplace_price)"
            f" values ('{number(2, n)}', 'available', true, {5 + n % 4 * 10})"
            for n in range(40)
        )
        return ";".join([*spaces, *leads])

    def next_call(self) -> Made:
        space, key = number(1, self.draw.randrange(FEW)), self.key()
        match self.draw.choice(
            ["create"] * 5 + ["pay"] * 5 + ["grant", "top up", "topped", "back"]
        ):
            case "pay" if self.world.get("purchases"):
                purchase, mine, price = self.one_of("purchases")
                given = {"purchase_id": purchase, "workspace_id": mine, "credit_amount": price}
                return "complete_credit_lead_purchase", given, str(purchase)
            case "back" if self.world.get("purchases"):
                purchase, mine, _ = self.one_of("purchases")
                given = {"purchase_id": purchase, "workspace_id": mine}
                return "refund_lead_purchase", given, f"back {purchase}"
            case "grant":
                given = {"workspace_id": space, "amount": 7, "reason": "bonus", "request_key": key}
                return "add_workspace_credits", given, str(key)
            case "top up":
                given = {"workspace_id": space, "credits": 9, "request_key": key}
                return "create_credit_purchase", given, str(key)
            case "topped" if self.world.get("credits"):
                bought, mine = self.one_of("credits")
                given = {"credit_purchase_id": bought, "workspace_id": mine, "credits": 9}
                return "complete_stripe_credit_purchase", given, str(bought)
        leads = [number(2, n) for n in self.draw.sample(range(40), self.draw.choice([1, 1, 2]))]
        return (
            "create_lead_purchase",
            {
                "lead_ids": leads,
                "buyer_workspace_id": space,
                "payment_method": "credits",
                "request_key": key,
            },
            str(key),
        )

    def heard(self, call: CallRecord) -> None:
        given = call.arguments
        if call.operation == "create_lead_purchase":
            price = sum(5 + (lead.int & 0xFF) % 4 * 10 for lead in given["lead_ids"])
            made = call.result["create_lead_purchase"], given["buyer_workspace_id"], price
            self.world.setdefault("purchases", []).append(made)
        elif call.operation == "create_credit_purchase":
            made_ = call.result["create_credit_purchase"], given["workspace_id"]
            self.world.setdefault("credits", []).append(made_)

    async def prelude(self) -> None:
        space, key = number(1, 0), self.key()
        for _ in range(2):
            await self.once(
                "add_workspace_credits",
                key,
                workspace_id=space,
                amount=30,
                reason="gift",
                request_key=key,
            )
        bought = await self.ordered(space, 0, key)
        await self.once("complete_credit_lead_purchase", **bought, credit_amount=5)
        for _ in range(2):
            await self.once("refund_lead_purchase", **bought)
        keys = self.key(), self.key()
        for order in [await self.ordered(space, 1, each) for each in (*keys, keys[0])][:2]:
            await self.once("complete_credit_lead_purchase", **order, credit_amount=15)

    async def ordered(self, space: UUID, lead: int, key: UUID) -> dict[str, Any]:
        """Order a lead; return the arguments that name the purchase."""
        created = await self.once(
            "create_lead_purchase",
            key,
            lead_ids=[number(2, lead)],
            buyer_workspace_id=space,
            payment_method="credits",
            request_key=key,
        )
        return {"purchase_id": created.result["create_lead_purchase"], "workspace_id": space}


class Bookings(Session):
    """Members who book each other, send credits both ways, and can't afford it all."""

    system = "peer_booking"

    @classmethod
    def setup(cls) -> str:
        members = (
            f"insert into peer_booking.users (id) values ('{number(1, n)}');"
            f"insert into peer_booking.practitioners (user_id) values ('{number(1, n)}');"
            "insert into peer_booking.subscriptions (id, user_id)"
            f" values ('{number(2, n)}', '{number(1, n)}');"
            f"select peer_booking.allocate_user_credits('{number(1, n)}', 100, 'opening')"
            for n in range(FEW)
        )
        sessions = (
            "insert into peer_booking.peer_sessions"
            " (id, client_id, practitioner_id, duration_minutes)"
            f" values ('{number(3, n)}', '{number(1, n % 3)}', '{number(1, (n + 1) % 3)}', 30)"
            for n in range(40)
        )
        return ";".join([*members, *sessions])

    def next_call(self) -> Made:
        user, key, which = number(1, self.draw.randrange(FEW)), self.key(), self.draw.randrange(40)
        match self.draw.choice(
            ["book"] * 6 + ["back"] * 2 + ["send"] * 3 + ["month", "gift", "use"]
        ):
            case "send":
                to = number(1, self.draw.randrange(FEW))
                given = {"from_user_id": user, "to_user_id": to, "amount": 11}
                given |= {"reference_id": key, "reference_type": "gift", "description": None}
                return "credits_transfer", given, str(key)
            case "month":
                month = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(31 * self.draw.randrange(50))
                given = {"user_id": user, "subscription_id": number(2, user.int & 0xFF)}
                given |= {"amount": 10, "allocation_type": "monthly"}
                given |= {"period_start": month, "period_end": month + timedelta(31)}
                return "allocate_monthly_credits", given, f"{user}@{month}"
            case "gift":
                given = {"user_id": user, "amount": 5, "description": "x", "event_id": str(key)}
                return "allocate_user_credits", given, str(key)
            case "use":
                given = {"user_id": user, "amount": -13, "transaction_type": "spend"}
                given |= {"reference_id": key, "reference_type": "use", "description": None}
                return "update_credit_balance", given, str(key)
            case "back":
                given = {"session_id": number(3, which), "reason": "ill"}
                return "process_peer_booking_refund", given, f"back {which}"
        practitioner = number(1, (which + self.draw.choice([1, 1, 1, 2])) % 3)
        given = {"client_id": number(1, which % 3), "practitioner_id": practitioner}
        given |= {"session_id": number(3, which), "duration_minutes": 30}
        return "process_peer_booking_credits", given, str(which)

    async def prelude(self) -> None:
        given = {"client_id": number(1, 0), "practitioner_id": number(1, 1)}
        booked = {**given, "session_id": number(3, 0), "duration_minutes": 30}
        await self.once("process_peer_booking_credits", **booked)
        await self.once(
            "credits_transfer",
            from_user_id=given["client_id"],
            to_user_id=given["practitioner_id"],
            amount=9,
            reference_id=self.key(),
            reference_type="gift",
            description=None,
        )
        await self.once("process_peer_booking_credits", **booked)


class Rooms(Bookings):
    """Bookings and refunds alone: each entry is found by its session."""

    def next_call(self) -> Made:
        made = super().next_call()
        while not made[0].startswith("process_"):
            made = super().next_call()
        return made

    async def prelude(self) -> None:
        pass


class Payments(Session):
    """Events told again, debits that aren't covered, claims of everybody."""

    system = "stripe_idempotency"

    @classmethod
    def setup(cls) -> str:
        return ";".join(
            f"insert into stripe_idempotency.users (id) values ('{number(1, n)}');"
            "select stripe_idempotency.apply_wallet_transaction("
            f"'{number(1, n)}', 'credit', 50, 'opening', 'opening-{n}')"
            for n in range(FEW)
        )

    def next_call(self) -> Made:
        which, key = self.draw.randrange(30), str(self.key())
        user = number(1, which % FEW)
        match self.draw.choice(["event"] * 3 + ["spend"] * 5 + ["claim"] * 4 + ["record", "free"]):
            case "event":
                given: dict[str, Any] = {"event_id": f"evt_{which}", "event_type": "paid"}
                given |= {"user_id": user, "amount": 20 + which}
                return "apply_stripe_wallet_event", given, f"evt_{which}"
            case "spend":
                kind = self.draw.choice(["debit", "debit", "debit", "credit", "theft"])
                given = {"user_id": user, "transaction_type": kind, "amount": 15}
                given |= {"reference": "a purchase", "idempotency_key": key}
                return "apply_wallet_transaction", given, key
            case "record" if self.world.get("claims"):
                named, stripe_key, _ = self.one_of("claims")
                given = {**named, "stripe_idempotency_key": stripe_key, "user_id": None}
                given |= {"stripe_resource_id": f"cs_{named['operation_id']}"}
                given |= {"metadata": "{}", "expires_at": None}
                return "record_stripe_idempotency", given, named["operation_id"]
            case "free" if self.world.get("claims"):
                named, _, attempt = self.one_of("claims")
                return "release_stripe_idempotency", {**named, "attempt": attempt}, ""
        given = {"operation_type": "checkout", "operation_id": f"order-{which}"}
        given |= {"request_fingerprint": "f", "lease_seconds": 60, "user_id": None}
        given |= {"metadata": "{}"}
        return "claim_stripe_idempotency", given, f"order-{which}"

    def heard(self, call: CallRecord) -> None:
        if call.result.get("outcome") == "claimed":
            named = {name: call.arguments[name] for name in ("operation_type", "operation_id")}
            made = named, call.result["stripe_idempotency_key"], int(call.result["attempt"])
            self.world.setdefault("claims", []).append(made)

    async def prelude(self) -> None:
        user, key = number(1, 0), str(self.key())
        given: dict[str, Any] = {"operation_type": "checkout", "operation_id": "order-first"}
        given |= {"request_fingerprint": "f", "lease_seconds": 60, "user_id": None}
        for _ in range(2):
            await self.once("claim_stripe_idempotency", "order-first", **given, metadata="{}")
        for _ in range(2):
            await self.once(
                "apply_wallet_transaction",
                key,
                user_id=user,
                transaction_type="debit",
                amount=15,
                reference="a purchase",
                idempotency_key=key,
            )


KINDS: list[type[Session]] = [Generations, Sales, Bookings, Payments]
