"""Stripe idempotency, for SQL and model side by side: two users, any operations, requests, events."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
from hypothesis import strategies as st
from side_by_side import Answer, Call, Draw, Fact, Steps, World, recipe_of

Find = Generator["Call | Fact", Answer, str]

LARGEST = 2147483647
AMOUNTS = st.sampled_from([1, 50, 999])
NO_AMOUNT = st.sampled_from([None, 0, -50, -LARGEST])
NO_NAME = st.sampled_from([None, "", " ", "two words", "ü", "a" * 256, "tab\t"])
NO_LEASE = st.sampled_from([None, 0, -1, 3601])
# Long enough not to lapse by itself while an example is played.
LEASES = st.sampled_from([600, 3600])
STARTS = st.datetimes(datetime(2030, 1, 1), datetime(2031, 1, 1), timezones=st.just(UTC))

TYPE, NAME, USER = "Invalid operation type: *", "Invalid operation id: *", "User not found: *"
LOST, FINGERPRINT, LEASE = "Lease was lost. *", "Invalid request fingerprint: *", "Invalid lease: *"
KEY, REUSED = "Invalid idempotency key: *", "Idempotency key was used with other arguments: *"
EVENT_ID, EVENT_TYPE = "Invalid event id: *", "Invalid event type: *"
OTHER_CONTENT, TOO_LARGE = (
    "Event was delivered with other content: *",
    "Balance would be too large: *",
)


class StripeIdempotency(World):
    """The users are shared by the recipes; operations, keys and events they make."""

    system = "stripe_idempotency"
    outcomes: ClassVar = {
        "check_stripe_idempotency": [TYPE, NAME, "completed", "not completed"],
        "claim_stripe_idempotency": [
            TYPE, NAME, FINGERPRINT, LEASE, "Metadata is not an object", USER,
            "Operation was claimed with other arguments: *",
            "claimed", "claimed again", "in_progress", "completed", "needs_attention",
        ],
        "record_stripe_idempotency": [
            TYPE, NAME, "Invalid Stripe idempotency key: *", "Invalid Stripe resource id: *",
            "Metadata is not an object", USER,
            "Stripe idempotency key was used for another operation: *",
            "Operation has another Stripe idempotency key: *",
            "Operation belongs to another user: *",
            "Operation is completed with another Stripe resource: *", "replayed", "ok",
        ],
        "fail_stripe_idempotency": [
            TYPE, NAME, "Error is missing", "Operation not found: *", LOST,
            "Operation is completed: *", "Operation needs attention: *", "replayed", "ok",
        ],
        "release_stripe_idempotency": [
            TYPE, NAME, "Operation not found: *", LOST, "Operation is completed: *",
            "Operation needs attention: *", "replayed", "ok",
        ],
        "claim_idempotency_key": [
            KEY, FINGERPRINT, LEASE, USER, REUSED,
            "claimed", "claimed again", "in_progress", "completed",
        ],
        "complete_idempotency_key": [
            KEY, "Invalid response status: *", "Response body is missing",
            "Idempotency key not found: *", LOST, "Request is completed with another response: *",
            "already_completed", "ok",
        ],
        "begin_stripe_webhook_event": [
            EVENT_ID, EVENT_TYPE, LEASE, OTHER_CONTENT,
            "claimed", "claimed again", "in_progress", "processed",
        ],
        "finish_stripe_webhook_event": [
            "Invalid effect: *", "Event not found: *", LOST,
            "Event is processed with another effect: *", "already_processed", "ok",
        ],
        "apply_stripe_wallet_event": [
            EVENT_ID, EVENT_TYPE, "Invalid amount: *", USER, OTHER_CONTENT, TOO_LARGE,
            "already_processed", "ok",
        ],
        "apply_wallet_transaction": [
            "Unknown transaction type: *", "Invalid amount: *", "Reference is missing", KEY, USER,
            REUSED, "Insufficient balance. *", TOO_LARGE, "already_applied", "ok",
        ],
        "create_event": [
            "Title is missing", "Invalid start: *", KEY, USER, REUSED, "replayed", "ok",
        ],
    }  # fmt: skip

    def __init__(self, model: ModuleType) -> None:
        super().__init__(model)
        self.users = [self.uuid() for _ in range(2)]
        self.told: set[tuple[str, UUID]] = set()
        self.numbers = 0

    def setup(self) -> Iterator[Fact]:
        for user in self.users:
            yield Fact(
                "insert into stripe_idempotency.users (id) values ($1)",
                [user],
                lambda state: replace(state, users=frozenset(self.users)),
            )

    def label(self, call: Call, answer: Answer) -> str:
        if isinstance(answer, str):
            return answer
        row = answer[0]
        if "is_completed" in row:
            return "completed" if row["is_completed"] else "not completed"
        if "outcome" in row:
            return str(row["outcome"]) + (" again" if (row["attempt"] or 0) > 1 else "")
        for flag in ("already_completed", "already_processed", "already_applied"):
            if row.get(flag):
                return flag
        told = row.get(call.function)
        if isinstance(told, UUID):
            if (call.function, told) in self.told:
                return "replayed"
            self.told.add((call.function, told))
        return "ok"

    def given(self, call: Call, answer: Answer, now: datetime) -> dict[str, Any]:
        given = super().given(call, answer, now)
        row = answer[0] if isinstance(answer, list) else {}
        if row.get("outcome") == "claimed" and row.get("stripe_idempotency_key"):
            given["new_id"] = UUID(str(row["stripe_idempotency_key"])[-36:])
        elif row.get("transaction_id"):
            given["new_id"] = row["transaction_id"]
        return given

    def name(self, what: str) -> str:
        """Return a name that was never used before."""
        self.numbers += 1
        return f"{what}-{self.numbers}"

    def user(self, draw: Draw) -> UUID:
        return draw(st.sampled_from(self.users))  # type: ignore[no-any-return]

    def other_than(self, user: UUID) -> UUID:
        return next(each for each in self.users if each != user)

    def any_user(self, draw: Draw) -> UUID | None:
        """Return a user, or none for a guest."""
        return draw(st.sampled_from([*self.users, None]))  # type: ignore[no-any-return]

    def claimed(self, draw: Draw, user: UUID | None = None) -> Find:
        """Claim a new operation; return its id."""
        operation = self.name("operation")
        yield Call("claim_stripe_idempotency", self.claim(operation, draw, user=user))
        return operation

    def claim(self, operation: str, draw: Draw, **other: Any) -> list[Any]:
        """Return the arguments of a claim, or those with something ``other``."""
        right = {"type": "payout", "id": operation, "fingerprint": "sha-1", "lease": draw(LEASES)}
        return list((right | {"user": None, "metadata": '{"n": 1}'} | other).values())

    def record(self, operation: str, **other: Any) -> Call:
        """Return the right record of a claim, or one with something ``other``."""
        claim = self.state.claims["payout", operation]
        right = {"type": "payout", "id": operation, "key": claim.stripe_key, "resource": "po_1"}
        more = {"user": claim.user_id, "metadata": '{"m": 2}', "expires": None}
        return Call("record_stripe_idempotency", list((right | more | other).values()))

    def requested(self, draw: Draw, user: UUID | None) -> Find:
        """Claim a new request; return its key."""
        key = self.name("key")
        yield Call("claim_idempotency_key", [key, "sha-1", user, draw(LEASES)])
        return key

    def begun(self, draw: Draw) -> Find:
        """Begin a new event; return its id."""
        event = self.name("evt")
        yield Call("begin_stripe_webhook_event", [event, "charge.refunded", draw(LEASES)])
        return event

    def filled_up(self, user: UUID) -> Steps:
        """Leave no room in a wallet."""
        left = LARGEST - self.state.wallets.get(user, 0)
        if left:
            yield Call("apply_wallet_transaction", [user, "credit", left, "gift", None])

    def emptied(self, user: UUID) -> Steps:
        """Take what a wallet has."""
        if balance := self.state.wallets.get(user, 0):
            yield Call("apply_wallet_transaction", [user, "debit", balance, "payout", None])

    async def rows(self, connection: asyncpg.Connection) -> dict[str, Any]:
        async def read(columns: str, table: str) -> list[tuple[Any, ...]]:
            query = f"select {columns} from stripe_idempotency.{table}"
            return [tuple(row) for row in await connection.fetch(query)]

        leased = "lease_expires_at > clock_timestamp()"
        claims = await read(
            "operation_type, operation_id, stripe_idempotency_key, request_fingerprint, status,"
            f" attempt, {leased}, stripe_resource_id, user_id, last_error, metadata::text",
            "stripe_idempotency_keys",
        )
        movements = (
            "id, user_id, amount, balance_before, balance_after, kind, reference, idempotency_key"
        )
        return {
            "claims": {row[:2]: (*row[2:-1], json.loads(row[-1])) for row in claims},
            "requests": set(
                await read(
                    "idempotency_key, user_id, request_fingerprint, attempt,"
                    f" {leased}, response_status, response_body::text",
                    "idempotency_keys",
                )
            ),
            "stripe events": set(
                await read(
                    f"event_id, event_type, attempt, {leased}, status = 'processed', effect,"
                    " user_id, amount",
                    "stripe_webhook_events",
                )
            ),
            "events": set(
                await read("id, organizer_id, title, starts_at, idempotency_key", "events")
            ),
            "wallets": dict(await read("user_id, balance", "wallets")),
            "entries": await read(
                f"{movements}, stripe_event_id", "wallet_transactions order by entry_no"
            ),
        }

    def known(self) -> dict[str, Any]:
        state = self.state
        return {
            "claims": {
                operation: (
                    c.stripe_key, c.fingerprint, c.status, c.attempt, leased(c),
                    c.resource_id, c.user_id, c.last_error, c.metadata,
                )
                for operation, c in state.claims.items()
            },
            "requests": {
                (key, r.user_id, r.fingerprint, r.attempt, leased(r), *(r.response or (None, None)))
                for key, r in state.requests.items()
            },
            "stripe events": {
                (
                    key, e.type, e.attempt, leased(e), e.processed, e.effect,
                    e.paid and e.paid.user_id, e.paid and e.paid.amount,
                )
                for key, e in state.stripe_events.items()
            },
            "events": {
                (e.id, e.organizer_id, e.title, e.starts_at, e.key) for e in state.events.values()
            },
            "wallets": dict(state.wallets),
            "entries": [
                (
                    e.id, e.user_id, e.amount, e.balance_before, e.balance_after,
                    e.kind, e.reference, e.key, e.event_id,
                )
                for e in reversed(list(state.entries))
            ],
        }  # fmt: skip


def leased(thing: Any) -> bool | None:
    """Say whether a lease is to come. Those of these worlds have an hour or have lapsed long ago."""
    ends = thing.lease_expires_at
    return None if ends is None else ends > datetime.now(UTC)


PAST = datetime.now(UTC) - timedelta(hours=2)


def lapsed(table: str, column: str, key: str, part: str, place: Any) -> Fact:
    """Return the fact that a lease has lapsed: that of ``place`` in this part of the state."""

    def change(state: Any) -> Any:
        things = getattr(state, part)
        late = replace(things[place], lease_expires_at=PAST)
        return replace(state, **{part: things.insert(place, late)})

    return Fact(
        f"update stripe_idempotency.{table} set lease_expires_at = $2 where {column} = $1",
        [key, PAST],
        change,
    )


def lapsed_claim(operation: str) -> Fact:
    table, place = "stripe_idempotency_keys", ("payout", operation)
    return lapsed(table, "operation_id", operation, "claims", place)


def lapsed_request(key: str) -> Fact:
    return lapsed("idempotency_keys", "idempotency_key", key, "requests", key)


def lapsed_event(event: str) -> Fact:
    return lapsed("stripe_webhook_events", "event_id", event, "stripe_events", event)


def outlived(operation: str) -> Fact:
    """Return the fact that a claim's key is too old to be sent, and nobody is at it."""
    place = ("payout", operation)

    def change(state: Any) -> Any:
        old = replace(state.claims[place], expires_at=PAST, lease_expires_at=PAST)
        return replace(state, claims=state.claims.insert(place, old))

    return Fact(
        "update stripe_idempotency.stripe_idempotency_keys"
        " set expires_at = $2, lease_expires_at = $2 where operation_id = $1",
        [operation, PAST],
        change,
    )


W = StripeIdempotency


# Names, the same rules for many functions


@recipe_of(W)
def bad_operations(world: W, draw: Draw) -> Steps:
    bad = draw(NO_NAME)
    for kind, name in ((bad, "operation"), ("x" * 65, bad), ("payout", bad), ("payout", "x" * 129)):
        yield Call("check_stripe_idempotency", [kind, name])
        yield Call("claim_stripe_idempotency", [kind, name, bad, draw(NO_LEASE)])
        yield Call("record_stripe_idempotency", [kind, name, bad, bad])
        yield Call("fail_stripe_idempotency", [kind, name, 1, None])
        yield Call("release_stripe_idempotency", [kind, name, 1])


@recipe_of(W)
def bad_claims(world: W, draw: Draw) -> Steps:
    name, stranger = world.name("operation"), world.uuid()
    yield Call("claim_stripe_idempotency", ["payout", name, draw(NO_NAME), 0, stranger, "[]"])
    yield Call("claim_stripe_idempotency", ["payout", name, "sha-1", draw(NO_LEASE), stranger])
    for metadata in ("[]", '"text"', "null"):
        yield Call("claim_stripe_idempotency", ["payout", name, "sha-1", 60, stranger, metadata])
    yield Call("claim_stripe_idempotency", ["payout", name, "sha-1", 60, stranger, None])


@recipe_of(W)
def bad_records(world: W, draw: Draw) -> Steps:
    name, stranger, bad = world.name("operation"), world.uuid(), draw(NO_NAME)
    yield Call("record_stripe_idempotency", ["payout", name, bad, bad, stranger, "[]"])
    yield Call("record_stripe_idempotency", ["payout", name, "key", bad, stranger, "[]"])
    yield Call("record_stripe_idempotency", ["payout", name, "key", "po_1", stranger, "[]"])
    yield Call("record_stripe_idempotency", ["payout", name, "key", "po_1", stranger, None])


@recipe_of(W)
def bad_requests(world: W, draw: Draw) -> Steps:
    key, bad, stranger = world.name("key"), draw(NO_NAME), world.uuid()
    yield Call("claim_idempotency_key", [bad, bad, stranger, 0])
    yield Call("claim_idempotency_key", [key, bad, stranger, 0])
    yield Call("claim_idempotency_key", [key, "sha-1", stranger, draw(NO_LEASE)])
    yield Call("claim_idempotency_key", [key, "sha-1", stranger])
    yield Call("complete_idempotency_key", [bad, None, 1, 99, None])
    status = draw(st.sampled_from([None, 99, 600, 0, -1]))
    yield Call("complete_idempotency_key", [key, None, 1, status, None])
    yield Call("complete_idempotency_key", [key, None, 1, 200, None])
    yield Call("complete_idempotency_key", [key, None, 1, 200, "{}"])


@recipe_of(W)
def bad_stripe_events(world: W, draw: Draw) -> Steps:
    event, bad, user = world.name("evt"), draw(NO_NAME), world.user(draw)
    yield Call("begin_stripe_webhook_event", [bad, bad, 0])
    yield Call("begin_stripe_webhook_event", [event, bad, 0])
    yield Call("begin_stripe_webhook_event", [event, "ping", draw(NO_LEASE)])
    yield Call("apply_stripe_wallet_event", [bad, bad, None, None])
    yield Call("apply_stripe_wallet_event", [event, bad, None, None])
    yield Call("apply_stripe_wallet_event", [event, "paid", world.uuid(), draw(NO_AMOUNT)])
    stranger = draw(st.sampled_from([None, world.uuid()]))
    yield Call("apply_stripe_wallet_event", [event, "paid", stranger, draw(AMOUNTS)])
    yield Call("finish_stripe_webhook_event", [event, 1, bad or ""])
    yield Call("finish_stripe_webhook_event", [draw(st.sampled_from([event, None, ""])), 1, None])
    yield Call("apply_wallet_transaction", [user, draw(NO_NAME), None, None, bad])


@recipe_of(W)
def bad_movements(world: W, draw: Draw) -> Steps:
    kind = draw(st.sampled_from(["credit", "debit"]))
    stranger = draw(st.sampled_from([None, world.uuid()]))
    key, amount = draw(NO_NAME) or "", draw(AMOUNTS)
    yield Call("apply_wallet_transaction", [stranger, kind, draw(NO_AMOUNT), None, key])
    blank = draw(st.sampled_from([None, "", "  "]))
    yield Call("apply_wallet_transaction", [stranger, kind, amount, blank, key])
    yield Call("apply_wallet_transaction", [stranger, kind, amount, "ticket", key])
    yield Call("apply_wallet_transaction", [stranger, kind, amount, "ticket", None])


@recipe_of(W)
def bad_events(world: W, draw: Draw) -> Steps:
    starts, stranger = draw(STARTS), draw(st.sampled_from([None, world.uuid()]))
    key = draw(NO_NAME) or ""
    yield Call("create_event", [stranger, draw(st.sampled_from([None, "", " "])), None, key])
    yield Call("create_event", [stranger, "Concert", None, key])
    yield Call("create_event", [stranger, "Concert", starts, key])
    yield Call("create_event", [stranger, "Concert", starts, None])


# Operations at Stripe


@recipe_of(W)
def claimed_and_recorded(world: W, draw: Draw) -> Steps:
    user = world.any_user(draw)
    operation = yield from world.claimed(draw, user)
    yield Call("check_stripe_idempotency", ["payout", operation])
    yield Call("claim_stripe_idempotency", world.claim(operation, draw, user=user))
    yield world.record(operation)
    yield world.record(operation)
    yield Call("check_stripe_idempotency", ["payout", operation])
    yield Call("claim_stripe_idempotency", world.claim(operation, draw, user=user))
    yield Call("release_stripe_idempotency", ["payout", operation, 1])
    yield Call("fail_stripe_idempotency", ["payout", operation, 1, "no"])


@recipe_of(W)
def claimed_for_something_else(world: W, draw: Draw) -> Steps:
    user = world.user(draw)
    operation = yield from world.claimed(draw, user)
    if draw(st.booleans()):
        yield draw(st.sampled_from([world.record(operation), outlived(operation)]))
    others = [{"fingerprint": "sha-2"}, {"user": world.other_than(user)}, {"user": None}]
    other = {"user": user} | draw(st.sampled_from(others))
    yield Call("claim_stripe_idempotency", world.claim(operation, draw, **other))


@recipe_of(W)
def lease_taken_over(world: W, draw: Draw) -> Steps:
    operation = yield from world.claimed(draw)
    yield lapsed_claim(operation)
    if draw(st.booleans()):
        yield Call("release_stripe_idempotency", ["payout", operation, 1])
    yield Call("claim_stripe_idempotency", world.claim(operation, draw))
    late = draw(st.sampled_from([1, None, 7]))
    yield Call("release_stripe_idempotency", ["payout", operation, late])
    yield Call("fail_stripe_idempotency", ["payout", operation, late, "no"])
    yield world.record(operation)


@recipe_of(W)
def lease_given_back(world: W, draw: Draw) -> Steps:
    operation = yield from world.claimed(draw)
    yield Call("release_stripe_idempotency", ["payout", operation, 1])
    yield Call("release_stripe_idempotency", ["payout", operation, 1])
    yield Call("claim_stripe_idempotency", world.claim(operation, draw))
    unknown = world.name("operation")
    yield Call("release_stripe_idempotency", ["payout", unknown, 1])
    yield Call("fail_stripe_idempotency", ["payout", unknown, 1, "no"])


@recipe_of(W)
def given_up(world: W, draw: Draw) -> Steps:
    operation = yield from world.claimed(draw)
    nothing = draw(st.sampled_from([None, "", " "]))
    yield Call("fail_stripe_idempotency", ["payout", operation, 1, nothing])
    yield Call("fail_stripe_idempotency", ["payout", operation, 1, "no"])
    yield Call("fail_stripe_idempotency", ["payout", operation, 1, "no"])
    yield Call("fail_stripe_idempotency", ["payout", operation, 1, "another no"])
    yield from after_all(world, draw, operation)


@recipe_of(W)
def key_too_old(world: W, draw: Draw) -> Steps:
    operation = yield from world.claimed(draw)
    yield outlived(operation)
    yield Call("claim_stripe_idempotency", world.claim(operation, draw))
    yield Call("fail_stripe_idempotency", ["payout", operation, 1, "no"])
    yield from after_all(world, draw, operation)


def after_all(world: W, draw: Draw, operation: str) -> Steps:
    """Look at an operation that needs attention, and find its resource or not."""
    yield Call("release_stripe_idempotency", ["payout", operation, 1])
    yield Call("claim_stripe_idempotency", world.claim(operation, draw))
    if draw(st.booleans()):
        yield world.record(operation)
        yield Call("claim_stripe_idempotency", world.claim(operation, draw))


@recipe_of(W)
def recorded_without_a_claim(world: W, draw: Draw) -> Steps:
    operation, key, user = world.name("operation"), world.name("legacy"), world.any_user(draw)
    expires = draw(st.sampled_from([None, datetime(2030, 1, 1, tzinfo=UTC)]))
    right = ["payout", operation, key, "po_1", user, '{"n": 1}', expires]
    yield Call("record_stripe_idempotency", right)
    yield Call("record_stripe_idempotency", right)
    yield Call("record_stripe_idempotency", ["payout", world.name("operation"), key, "po_1"])
    yield Call("claim_stripe_idempotency", world.claim(operation, draw, user=user))
    yield Call("fail_stripe_idempotency", ["payout", operation, 0, "no"])


@recipe_of(W)
def recorded_otherwise(world: W, draw: Draw) -> Steps:
    user = world.user(draw)
    operation = yield from world.claimed(draw, user)
    yield world.record(operation, key="another")
    yield world.record(operation, user=draw(st.sampled_from([None, world.other_than(user)])))
    yield world.record(operation, id=world.name("operation"))
    yield world.record(operation)
    yield world.record(operation, resource="po_2")


# Requests


@recipe_of(W)
def request_repeated(world: W, draw: Draw) -> Steps:
    user = world.any_user(draw)
    key = yield from world.requested(draw, user)
    yield Call("claim_idempotency_key", [key, "sha-1", user, 60])
    yield Call("claim_idempotency_key", [key, "sha-2", user, 60])
    attempt = draw(st.integers(1, 3))
    for _ in range(1, attempt):
        yield lapsed_request(key)
        yield Call("claim_idempotency_key", [key, "sha-1", user, draw(LEASES)])
    lost = draw(st.sampled_from([None, 0, attempt + 1]))
    yield Call("complete_idempotency_key", [key, user, lost, 200, "{}"])
    stranger = draw(st.sampled_from([each for each in [*world.users, None] if each != user]))
    yield Call("complete_idempotency_key", [key, stranger, attempt, 200, "{}"])
    body = draw(st.sampled_from(["{}", '{"id": 7}', "null", "[1, 2]", '"text"']))
    yield Call("complete_idempotency_key", [key, user, attempt, 201, body])
    yield Call("complete_idempotency_key", [key, user, attempt, 201, body])
    yield Call("complete_idempotency_key", [key, user, attempt, 201, '{"id": 8}'])
    yield Call("claim_idempotency_key", [key, "sha-1", user, 60])
    yield Call("claim_idempotency_key", [key, "sha-1", stranger, 60])


# Events from Stripe


@recipe_of(W)
def event_handled(world: W, draw: Draw) -> Steps:
    event = yield from world.begun(draw)
    yield Call("begin_stripe_webhook_event", [event, "charge.refunded", 60])
    yield Call("begin_stripe_webhook_event", [event, "charge.succeeded", 60])
    attempt = draw(st.integers(1, 3))
    for _ in range(1, attempt):
        yield lapsed_event(event)
        yield Call("begin_stripe_webhook_event", [event, "charge.refunded", draw(LEASES)])
    lost = draw(st.sampled_from([None, 0, attempt + 1]))
    yield Call("finish_stripe_webhook_event", [event, lost, "mail-1"])
    effect = draw(st.sampled_from([None, "mail-1"]))
    yield Call("finish_stripe_webhook_event", [event, attempt, effect])
    yield Call("finish_stripe_webhook_event", [event, attempt, effect])
    yield Call("finish_stripe_webhook_event", [event, attempt, "mail-2"])
    yield Call("begin_stripe_webhook_event", [event, "charge.refunded", 60])
    user = world.user(draw)
    yield Call("apply_stripe_wallet_event", [event, "charge.refunded", user, draw(AMOUNTS)])


@recipe_of(W)
def payment_delivered_again(world: W, draw: Draw) -> Steps:
    event, user, amount = world.name("evt"), world.user(draw), draw(AMOUNTS)
    yield from world.emptied(user)
    right = [event, "paid", user, amount]
    yield Call("apply_stripe_wallet_event", right)
    yield from draw(st.sampled_from([world.emptied, world.filled_up]))(user)
    yield Call("apply_stripe_wallet_event", right)
    wrong = [
        [event, "charged", user, amount],
        [event, "paid", world.other_than(user), amount],
        [event, "paid", user, amount + 1],
    ]
    yield Call("apply_stripe_wallet_event", draw(st.sampled_from(wrong)))
    yield Call("begin_stripe_webhook_event", [event, "paid", 60])
    yield Call("finish_stripe_webhook_event", [event, 0, "mail-1"])


# Wallets and events


@recipe_of(W)
def movement_under_a_key(world: W, draw: Draw) -> Steps:
    user, key, amount = world.user(draw), world.name("key"), draw(AMOUNTS)
    kind = draw(st.sampled_from(["credit", "debit"]))
    yield from world.emptied(user)
    yield Call("apply_wallet_transaction", [user, "credit", amount, "gift", None])
    right = [user, kind, amount, "ticket", key]
    yield Call("apply_wallet_transaction", right)
    yield from draw(st.sampled_from([world.emptied, world.filled_up]))(user)
    yield Call("apply_wallet_transaction", right)
    wrong = [
        [world.other_than(user), *right[1:]],
        [user, "debit" if kind == "credit" else "credit", *right[2:]],
        [user, kind, amount + 1, "ticket", key],
        [user, kind, amount, "payout", key],
    ]
    yield Call("apply_wallet_transaction", draw(st.sampled_from(wrong)))


@recipe_of(W)
def wallet_that_is_empty(world: W, draw: Draw) -> Steps:
    user, key = world.user(draw), world.name("key")
    yield from world.emptied(user)
    amount = draw(st.sampled_from([1, LARGEST]))
    yield Call("apply_wallet_transaction", [user, "debit", amount, "ticket", key])
    yield Call("apply_wallet_transaction", [user, "credit", amount, "gift", key])


@recipe_of(W)
def wallet_that_is_full(world: W, draw: Draw) -> Steps:
    user, event = world.user(draw), world.name("evt")
    yield from world.filled_up(user)
    yield Call("apply_wallet_transaction", [user, "credit", draw(AMOUNTS), "gift", None])
    yield Call("apply_stripe_wallet_event", [event, "paid", user, draw(AMOUNTS)])
    yield from world.emptied(user)
    yield Call("apply_stripe_wallet_event", [event, "paid", user, draw(AMOUNTS)])


@recipe_of(W)
def event_under_a_key(world: W, draw: Draw) -> Steps:
    organizer, key, starts = world.user(draw), world.name("key"), draw(STARTS)
    right = [organizer, "Concert", starts, key]
    yield Call("create_event", [organizer, "Concert", starts, None])
    yield Call("create_event", right)
    yield Call("create_event", right)
    wrong = [
        [world.other_than(organizer), *right[1:]],
        [organizer, "Festival", starts, key],
        [organizer, "Concert", starts + timedelta(days=1), key],
    ]
    yield Call("create_event", draw(st.sampled_from(wrong)))
