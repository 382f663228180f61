"""Peer booking, for SQL and model side by side: three practitioners, who pay each other in circles."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
from hypothesis import strategies as st
from side_by_side import Answer, Call, Draw, Fact, Steps, World, recipe_of

Change = Callable[[Any], Any]
Find = Generator["Call | Fact", Answer, UUID]

LARGEST = 2**31 - 1
AMOUNTS = st.sampled_from([1, 2, 30, 100])
NO_AMOUNT = st.sampled_from([None, 0, -1, -LARGEST - 1])
BLANK = st.sampled_from(["", "  "])
START = datetime(2025, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=31)
REFERENCE = ["Reference is incomplete", "Reference was used with other arguments: *"]
TOO_FEW = "Insufficient credits. *"
TOO_LARGE = "Credit balance would be too large: *"


class Peers(World):
    """The practitioners are shared by the recipes; keys, sessions and subscriptions they make."""

    system = "peer_booking"
    outcomes: ClassVar = {
        "update_credit_balance": [
            "Invalid credit amount: *", "Unknown transaction type: *", "Invalid credit amount for *",
            *REFERENCE, "User not found: *", TOO_FEW, TOO_LARGE, "replayed", "ok",
        ],
        "credits_transfer": [
            "Invalid credit amount: *", "Sender and receiver are the same: *",
            *REFERENCE, "User not found: *", TOO_FEW, TOO_LARGE, "replayed", "ok",
        ],
        "allocate_monthly_credits": [
            "Invalid credit amount: *", "Unknown allocation type: *", "Invalid period",
            "User not found: *", "Subscription not found: *",
            "Subscription belongs to another user: *", "Period was allocated with other arguments: *",
            TOO_LARGE, "replayed", "ok",
        ],
        "allocate_user_credits": [
            "Invalid credit amount: *", "Event id is blank", "User not found: *",
            "Event was used with other arguments: *", TOO_LARGE, "replayed", "ok",
        ],
        "process_peer_booking_credits": [
            "Invalid duration: *", "Client and practitioner are the same: *", "Session not found: *",
            "Session has another client or practitioner: *", "Session has another duration. *",
            "Session cannot be booked. Status: *", TOO_FEW, TOO_LARGE, "replayed", "ok",
        ],
        "process_peer_booking_refund": [
            "Reason is missing", "Session not found: *", "Session was refunded for another reason: *",
            "Session cannot be refunded. Status: *", "Practitioner has spent the credits. *",
            TOO_LARGE, "replayed", "ok",
        ],
        "backfill_balance_before": [
            "User not found: *", "Account has newer transactions: *",
            "Old transactions do not follow each other: *", "nothing to do", "ok",
        ],
        "reconcile_credits": ["balance_differs", "agree"],
    }  # fmt: skip

    def __init__(self, model: ModuleType) -> None:
        super().__init__(model)
        self.people = [self.uuid() for _ in range(3)]
        self.made: set[Any] = set()

    def setup(self) -> Iterator[Fact]:
        for person in self.people:
            yield from self.newcomer(person)

    def newcomer(self, person: UUID) -> Iterator[Fact]:
        """Yield the facts that make somebody a user and a practitioner."""
        yield Fact(
            "insert into peer_booking.users (id) values ($1)",
            [person],
            lambda state: replace(state, users=state.users | {person}),
        )
        yield Fact(
            "insert into peer_booking.practitioners (user_id) values ($1)",
            [person],
            lambda state: state,
        )

    def label(self, call: Call, answer: Answer) -> str:
        if isinstance(answer, str):
            return answer
        if call.function == "reconcile_credits":
            return str(answer[0]["problem"]) if answer else "agree"
        if call.function == "backfill_balance_before":
            taken_over = bool(answer[0][call.function]) and self.is_new(*call.arguments)
            return "ok" if taken_over else "nothing to do"
        if call.function == "process_peer_booking_refund":
            return self.of_session(call, answer, call.arguments[0])
        if call.function == "process_peer_booking_credits":
            return self.of_session(call, answer, call.arguments[2])
        return "ok" if self.is_new(*answer[0].values()) else "replayed"

    def of_session(self, call: Call, answer: Answer, session: UUID) -> str:
        assert isinstance(answer, list)
        said = json.loads(answer[0][call.function])
        if not said["success"]:
            return str(said["error"])
        return "ok" if self.is_new(call.function, session) else "replayed"

    def is_new(self, *what: Any) -> bool:
        """Say whether this is the first time that somebody asks for it."""
        new = what not in self.made
        self.made.add(what)
        return new

    def given(self, call: Call, answer: Answer, now: datetime) -> dict[str, Any]:
        given = super().given(call, answer, now)
        legs = ("spend_transaction_id", "earn_transaction_id")
        row = answer[0] if isinstance(answer, list) and answer else {}
        return {**given, "new_ids": tuple(row.get(leg) or self.uuid() for leg in legs)}

    def two(self, draw: Draw) -> list[UUID]:
        """Return two of the people."""
        return draw(st.permutations(self.people))[:2]  # type: ignore[no-any-return]

    def balance(self, person: UUID) -> int:
        return self.state.accounts.get(person, 0)  # type: ignore[no-any-return]

    def funded(self, person: UUID, amount: int) -> Steps:
        """Make sure that somebody has this many credits."""
        if (missing := amount - self.balance(person)) > 0:
            yield Call("allocate_user_credits", [person, missing, "gift", None])

    def filled_up(self, person: UUID) -> Steps:
        """Leave room for nothing in somebody's account."""
        yield from self.funded(person, LARGEST)

    def emptied(self, person: UUID) -> Steps:
        """Spend what somebody has."""
        if balance := self.balance(person):
            yield Call("update_credit_balance", [person, -balance, "spend", None, None, None])

    def session(
        self, client: UUID, practitioner: UUID, minutes: int = 60, status: str = "pending"
    ) -> Find:
        """Agree on a session; return its id."""
        session = self.uuid()
        agreed = self.model.Session(client, practitioner, minutes, status)
        yield Fact(
            "insert into peer_booking.peer_sessions"
            " (id, client_id, practitioner_id, duration_minutes, status) values ($1, $2, $3, $4, $5)",
            [session, client, practitioner, minutes, status],
            lambda state: replace(state, sessions=state.sessions.insert(session, agreed)),
        )
        return session

    def booked(self, client: UUID, practitioner: UUID, minutes: int = 60) -> Find:
        """Agree on a session and book it, where the practitioner has room; return its id."""
        session = yield from self.session(client, practitioner, minutes)
        yield from self.funded(client, minutes)
        if self.balance(practitioner) > LARGEST - minutes:
            yield from self.emptied(practitioner)
        yield self.booking(session)
        return session

    def booking(self, key: UUID, **other: Any) -> Call:
        """Return the call that books a session, with other arguments where they are given."""
        agreed = self.state.sessions[key]
        right = {
            "client": agreed.client_id,
            "practitioner": agreed.practitioner_id,
            "session": key,
            "minutes": agreed.duration_minutes,
        }
        return Call("process_peer_booking_credits", list({**right, **other}.values()))

    def subscription(self, person: UUID) -> Find:
        """Subscribe somebody; return the subscription's id."""
        subscription = self.uuid()
        yield Fact(
            "insert into peer_booking.subscriptions (id, user_id) values ($1, $2)",
            [subscription, person],
            lambda state: replace(
                state, subscriptions=state.subscriptions.insert(subscription, person)
            ),
        )
        return subscription

    def old(self, person: UUID, amount: int, after: int, day: int) -> Fact:
        """Return the fact that somebody has an old transaction."""
        key, when = self.uuid(), START + timedelta(days=day)
        kind = "bonus" if amount > 0 else "spend"
        made = self.model.OldTransaction(person, amount, after, kind, when, f"day {day}")
        return Fact(
            "insert into peer_booking.old_transactions (id, user_id, amount, balance_after,"
            " transaction_type, created_at, description) values ($1, $2, $3, $4, $5, $6, $7)",
            [key, person, amount, after, kind, when, f"day {day}"],
            lambda state: replace(state, old_transactions=state.old_transactions.insert(key, made)),
        )

    def nobody(self, draw: Draw) -> UUID | None:
        """Return an id that nothing has, or none."""
        return draw(st.sampled_from([None, self.uuid()]))  # type: ignore[no-any-return]

    async def rows(self, connection: asyncpg.Connection) -> dict[str, Any]:
        async def read(query: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in await connection.fetch(query)]

        schema = "from peer_booking"
        reference = "description, reference_type, reference_id"
        moved = "user_id, amount, balance_before, balance_after, transaction_type"
        return {
            "accounts": dict(await read(f"select user_id, balance {schema}.credits")),
            "sessions": set(
                await read(f"select id, status, credit_cost, refund_reason {schema}.peer_sessions")
            ),
            "updates": set(
                await read(
                    "select entry.id, asked.user_id, asked.amount, asked.transaction_type,"
                    " asked.description, asked.reference_type, asked.reference_id"
                    f" {schema}.balance_updates as asked"
                    " join peer_booking.credit_transactions as entry on entry.update_id = asked.id"
                )
            ),
            "transfers": set(
                await read(
                    "select legs.spend_transaction_id, legs.earn_transaction_id, from_user_id,"
                    f" to_user_id, sent.amount, {reference} {schema}.credit_transfers as sent"
                    " join peer_booking.credit_transfer_legs as legs on legs.transfer_id = sent.id"
                    " where sent.kind = 'transfer'"
                )
            ),
            "allocations": set(
                await read(
                    "select id, user_id, amount, allocation_type, subscription_id, period_start,"
                    f" period_end, event_id, description {schema}.credit_allocations"
                )
            ),
            "entries": await read(
                f"select {moved}, {reference} {schema}.credit_transactions order by entry_no"
            ),
            "log": await read(
                "select user_id, transaction_type, balance_before, balance_after"
                f" {schema}.credit_audit_log order by log_no"
            ),
        }

    def known(self) -> dict[str, Any]:
        state = self.state
        return {
            "accounts": dict(state.accounts),
            "sessions": {
                (key, each.status, each.credit_cost, each.refund_reason)
                for key, each in state.sessions.items()
            },
            "updates": {
                (
                    key,
                    each.user_id,
                    each.amount,
                    each.transaction_type,
                    each.description,
                    each.reference.type,
                    each.reference.id,
                )
                for key, each in state.updates.items()
            },
            "transfers": {
                (
                    key,
                    each.earn_id,
                    each.from_user_id,
                    each.to_user_id,
                    each.amount,
                    each.description,
                    each.reference.type,
                    each.reference.id,
                )
                for key, each in state.transfers.items()
            },
            "allocations": {
                (
                    key,
                    each.user_id,
                    each.amount,
                    each.allocation_type,
                    each.subscription_id,
                    each.period_start,
                    each.period_end,
                    each.event_id,
                    each.description,
                )
                for key, each in state.allocations.items()
            },
            "entries": [
                (
                    each.user_id,
                    each.amount,
                    each.balance_before,
                    each.balance_after,
                    each.transaction_type,
                    each.description,
                    each.reference.type,
                    each.reference.id,
                )
                for each in reversed(list(state.entries))
            ],
            "log": [
                (each.user_id, each.transaction_type, each.balance_before, each.balance_after)
                for each in reversed(list(state.entries))
            ],
        }


W = Peers


def month(
    person: UUID | None, subscription: UUID | None, amount: Any = 100, number: int = 0
) -> list[Any]:
    """Return the arguments of a month's allocation."""
    start = START + number * MONTH
    return [person, subscription, amount, "monthly", start, start + MONTH]


def drifted(person: UUID, by: int) -> Fact:
    """Return the fact that somebody's balance was changed past the ledger."""
    return Fact(
        "update peer_booking.credits set balance = balance + $2 where user_id = $1",
        [person, by],
        lambda state: replace(
            state, accounts=state.accounts.insert(person, state.accounts[person] + by)
        ),
    )


# Balances


@recipe_of(W)
def bad_updates(world: W, draw: Draw) -> Steps:
    person, amount = draw(st.sampled_from(world.people)), draw(AMOUNTS)
    none = draw(st.sampled_from([None, 0]))
    yield Call("update_credit_balance", [world.nobody(draw), none, None, None, None, None])
    kind = draw(st.sampled_from(["gift", "", None, "transfer_in", "Bonus"]))
    yield Call("update_credit_balance", [world.nobody(draw), amount, kind, None, None, None])
    wrong = draw(st.sampled_from([("bonus", -1), ("purchase", -LARGEST - 1), ("spend", 1)]))
    yield Call("update_credit_balance", [person, wrong[1], wrong[0], None, None, None])
    half = draw(st.sampled_from([(None, "sale"), (world.uuid(), None), (world.uuid(), "  ")]))
    yield Call("update_credit_balance", [world.nobody(draw), amount, "bonus", None, *half])
    yield Call("update_credit_balance", [world.nobody(draw), amount, "bonus", None, None, None])


@recipe_of(W)
def update_under_a_reference(world: W, draw: Draw) -> Steps:
    person, other = world.two(draw)
    yield from world.emptied(person)
    key = [world.uuid(), "sale"]
    yield Call("update_credit_balance", [person, -5, "spend", None, *key])
    right = [person, 30, "adjustment", "a pack", *key]
    yield Call("update_credit_balance", right)
    if draw(st.booleans()):
        yield from world.emptied(person)
    yield Call("update_credit_balance", right)
    wrong = [
        [other, *right[1:]],
        [person, 31, *right[2:]],
        [person, 30, "bonus", *right[3:]],
        [person, 30, "adjustment", None, *key],
    ]
    yield Call("update_credit_balance", draw(st.sampled_from(wrong)))
    yield Call("update_credit_balance", [*right[:5], "another sale"])


@recipe_of(W)
def spending_what_is_not_there(world: W, draw: Draw) -> Steps:
    person, other = world.two(draw)
    more = world.balance(person) + draw(AMOUNTS)
    if more <= LARGEST:
        yield Call("update_credit_balance", [person, -more, "spend", None, None, None])
        yield Call("credits_transfer", [person, other, more, None, None, None])
    yield Call("update_credit_balance", [person, -LARGEST - 1, "adjustment", None, None, None])
    newcomer = world.uuid()
    yield from world.newcomer(newcomer)
    session = yield from world.session(newcomer, other, draw(AMOUNTS))
    yield world.booking(session)
    yield Call("credits_transfer", [newcomer, other, 1, None, None, None])


@recipe_of(W)
def accounts_that_are_full(world: W, draw: Draw) -> Steps:
    rich, other = world.two(draw)
    refundable = yield from world.booked(rich, other, 30)
    yield from world.filled_up(rich)
    yield from world.funded(other, 100)
    subscription = yield from world.subscription(rich)
    session = yield from world.session(other, rich)
    amount = draw(AMOUNTS)
    yield Call("update_credit_balance", [rich, amount, "bonus", None, world.uuid(), "sale"])
    yield Call("credits_transfer", [other, rich, amount, world.uuid(), "gift", None])
    yield Call("allocate_monthly_credits", month(rich, subscription, amount))
    yield Call("allocate_user_credits", [rich, amount, None, f"evt_{world.uuid()}"])
    yield world.booking(session)
    yield Call("process_peer_booking_refund", [refundable, "called off"])
    yield from world.emptied(rich)


# Transfers


@recipe_of(W)
def bad_transfers(world: W, draw: Draw) -> Steps:
    sender, receiver = world.two(draw)
    nobody = world.nobody(draw)
    yield Call("credits_transfer", [sender, nobody, draw(NO_AMOUNT), None, None, None])
    half = draw(st.sampled_from([(None, "gift"), (world.uuid(), None), (world.uuid(), "")]))
    yield Call("credits_transfer", [sender, sender, 1, *half, None])
    same = draw(st.sampled_from([sender, world.uuid()]))
    yield Call("credits_transfer", [same, same, 1, None, None, None])
    pair = draw(st.sampled_from([(sender, nobody), (nobody, receiver), (None, None)]))
    yield Call("credits_transfer", [*pair, 1, None, None, None])


@recipe_of(W)
def transfer_under_a_reference(world: W, draw: Draw) -> Steps:
    sender, receiver = world.two(draw)
    yield from world.funded(sender, 30)
    if world.balance(receiver) > LARGEST - 30:
        yield from world.emptied(receiver)
    right = [sender, receiver, 30, world.uuid(), "gift", "thank you"]
    yield Call("credits_transfer", right)
    if draw(st.booleans()):
        yield from world.emptied(sender)
    yield Call("credits_transfer", right)
    wrong = [
        [receiver, sender, *right[2:]],
        [sender, next(p for p in world.people if p not in right), *right[2:]],
        [sender, receiver, 29, *right[3:]],
        [*right[:5], None],
    ]
    yield Call("credits_transfer", draw(st.sampled_from(wrong)))


# Allocations


@recipe_of(W)
def bad_allocations(world: W, draw: Draw) -> Steps:
    person, other = world.two(draw)
    subscription = yield from world.subscription(person)
    nobody, right = world.nobody(draw), month(person, subscription)
    yield Call("allocate_monthly_credits", month(nobody, nobody, draw(NO_AMOUNT)))
    kind = draw(st.sampled_from(["daily", "", None, "event"]))
    yield Call("allocate_monthly_credits", [*right[:3], kind, None, None])
    start = draw(st.sampled_from([None, right[5], right[5] + MONTH]))
    yield Call("allocate_monthly_credits", [nobody, nobody, *right[2:4], start, right[5]])
    yield Call("allocate_monthly_credits", [*right[:5], None])
    yield Call("allocate_monthly_credits", month(nobody, subscription))
    yield Call("allocate_monthly_credits", month(person, nobody))
    yield Call("allocate_monthly_credits", month(other, subscription))


@recipe_of(W)
def periods_in_any_order(world: W, draw: Draw) -> Steps:
    person = draw(st.sampled_from(world.people))
    if world.balance(person) > LARGEST - 1000:
        yield from world.emptied(person)
    subscription = yield from world.subscription(person)
    for number in draw(st.lists(st.integers(0, 2), min_size=2, max_size=5)):
        yield Call("allocate_monthly_credits", month(person, subscription, number=number))
    right = month(person, subscription)
    yield Call("allocate_monthly_credits", right)
    yield Call("allocate_monthly_credits", right)
    wrong = [
        month(person, subscription, 99),
        [*right[:3], "yearly", *right[4:]],
        [*right[:5], right[5] + MONTH],
    ]
    yield Call("allocate_monthly_credits", draw(st.sampled_from(wrong)))


@recipe_of(W)
def events(world: W, draw: Draw) -> Steps:
    person, other = world.two(draw)
    if world.balance(person) > LARGEST - 100:
        yield from world.emptied(person)
    event = f"evt_{world.uuid()}"
    yield Call("allocate_user_credits", [world.nobody(draw), draw(NO_AMOUNT), None, ""])
    yield Call("allocate_user_credits", [world.nobody(draw), 25, None, draw(BLANK)])
    yield Call("allocate_user_credits", [world.nobody(draw), 25, None, event])
    right = [person, 25, "referral", event]
    yield Call("allocate_user_credits", right)
    yield Call("allocate_user_credits", right)
    wrong = [[other, *right[1:]], [person, 26, *right[2:]], [person, 25, None, event]]
    yield Call("allocate_user_credits", draw(st.sampled_from(wrong)))


# Sessions


@recipe_of(W)
def bad_bookings(world: W, draw: Draw) -> Steps:
    client, practitioner = world.two(draw)
    third = next(p for p in world.people if p not in (client, practitioner))
    session = yield from world.session(client, practitioner)
    minutes = draw(st.sampled_from([None, 0, -60, 1441, LARGEST]))
    yield world.booking(session, minutes=minutes)
    yield world.booking(session, practitioner=client)
    yield world.booking(session, session=world.nobody(draw))
    other = draw(
        st.sampled_from(
            [
                {"client": third},
                {"practitioner": third},
                {"client": practitioner, "practitioner": client},
                {"client": None, "practitioner": None},
            ]
        )
    )
    yield world.booking(session, **other)
    yield world.booking(session, minutes=draw(st.sampled_from([1, 59, 1440])))
    cancelled = yield from world.session(client, practitioner, status="cancelled")
    yield world.booking(cancelled)
    yield Call("process_peer_booking_refund", [cancelled, "called off"])


@recipe_of(W)
def booked_twice(world: W, draw: Draw) -> Steps:
    client, practitioner = world.two(draw)
    session = yield from world.booked(client, practitioner, draw(AMOUNTS))
    if draw(st.booleans()):
        yield from world.emptied(practitioner)
    yield world.booking(session)
    yield world.booking(session, minutes=7)


@recipe_of(W)
def refunded(world: W, draw: Draw) -> Steps:
    client, practitioner = world.two(draw)
    session = yield from world.booked(client, practitioner)
    yield Call("process_peer_booking_refund", [session, draw(st.sampled_from([None, "", " "]))])
    yield Call("process_peer_booking_refund", [world.nobody(draw), "called off"])
    yield from world.emptied(practitioner)
    yield Call("process_peer_booking_refund", [session, "called off"])
    yield from world.funded(practitioner, 60)
    if world.balance(client) > LARGEST - 60:
        yield from world.emptied(client)
    yield Call("process_peer_booking_refund", [session, "called off"])
    yield from world.emptied(practitioner)
    yield Call("process_peer_booking_refund", [session, "called off"])
    yield Call("process_peer_booking_refund", [session, "fell ill"])
    yield world.booking(session)


# Migration and reconciliation


@recipe_of(W)
def old_transactions(world: W, draw: Draw) -> Steps:
    person = world.uuid()
    yield Call("backfill_balance_before", [draw(st.sampled_from([None, person]))])
    yield from world.newcomer(person)
    yield Call("backfill_balance_before", [person])
    for old in draw(st.permutations([(100, 100, 1), (-30, 70, 2), (5, 75, 3)])):
        yield world.old(person, *old)
    yield Call("backfill_balance_before", [person])
    yield Call("backfill_balance_before", [person])


@recipe_of(W)
def old_transactions_with_a_gap(world: W, draw: Draw) -> Steps:
    person = world.uuid()
    yield from world.newcomer(person)
    old = [(100, 100, 1), (-30, 70, 2), (5, 75, 3)]
    missing = old.pop(draw(st.integers(0, 1)))
    for each in old:
        yield world.old(person, *each)
    yield Call("backfill_balance_before", [person])
    yield world.old(person, *missing)
    yield Call("backfill_balance_before", [person])
    yield world.old(person, 1, 76, 4)
    yield Call("backfill_balance_before", [person])


@recipe_of(W)
def old_transactions_that_come_late(world: W, draw: Draw) -> Steps:
    person = world.uuid()
    yield from world.newcomer(person)
    if draw(st.booleans()):
        yield Call("backfill_balance_before", [person])
    yield Call("allocate_user_credits", [person, draw(AMOUNTS), "early", None])
    yield world.old(person, 5, 5, 1)
    yield Call("backfill_balance_before", [person])


@recipe_of(W)
def reconciliation(world: W, draw: Draw) -> Steps:
    person = draw(st.sampled_from(world.people))
    yield Call("reconcile_credits", [])
    if world.balance(person) < LARGEST:
        yield Call("allocate_user_credits", [person, 1, None, None])
        yield drifted(person, -1)
        yield Call("reconcile_credits", [])
        yield drifted(person, 1)
