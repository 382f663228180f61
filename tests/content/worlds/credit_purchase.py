"""Credit purchase, for SQL and model side by side: two users, and keys that recipes meet again."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import datetime
from types import ModuleType
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
from hypothesis import strategies as st
from side_by_side import Answer, Call, Draw, Fact, Steps, World, recipe_of

Find = Generator["Call | Fact", Answer, UUID]

LARGEST = 2**31 - 1
AMOUNTS = st.integers(1, 50)
NO_AMOUNT = st.sampled_from([None, 0, -1, -50, -LARGEST])
BLANK = st.sampled_from([None, "", " ", "\t\n"])
INVALID = ["unauthorized", "missing_user_id", "invalid_amount", "missing_idempotency_key"]
USED = ["idempotency_key_already_processed", "idempotency_key_conflict"]
OF_RESERVATION = [*USED, "reservation_not_found", "reservation_exceeded"]


class CreditPurchase(World):
    """Users are shared by the recipes, and full or empty now and then; payments are new."""

    system = "credit_purchase"
    outcomes: ClassVar = {
        "apply_credit_purchase": [
            *INVALID, "missing_stripe_session_id", *USED, "stripe_session_already_processed",
            "user_profile_not_found", "balance_overflow", "applied",
        ],
        "reserve_credits": [
            *INVALID, *USED, "user_profile_not_found", "insufficient_credits", "applied",
        ],
        "settle_credits": [*INVALID, "missing_reservation_key", *OF_RESERVATION, "applied"],
        "refund_credits": [
            *INVALID, "missing_reservation_key", *OF_RESERVATION, "balance_overflow", "applied",
        ],
    }  # fmt: skip

    def __init__(self, model: ModuleType) -> None:
        super().__init__(model)
        self.users = [self.uuid() for _ in range(2)]
        self.caller = "service_role"
        self.sessions = 0

    def setup(self) -> Iterator[Fact]:
        for user in self.users:
            yield from self.profile(user)
        yield self.role("service_role")

    def profile(self, user: UUID) -> Iterator[Fact]:
        """Yield the fact that there is one more user."""
        yield Fact("reset role", [], lambda state: state)
        yield Fact(
            "insert into credit_purchase.user_profiles (id) values ($1)",
            [user],
            lambda state: replace(state, balances=state.balances.insert(user, 0)),
        )
        yield self.role(self.caller)

    def role(self, name: str) -> Fact:
        """Return the fact that from here on this role calls; "none" is the superuser."""
        self.caller = name
        return Fact("select set_config('role', $1, true)", [name], lambda state: state)

    def label(self, call: Call, answer: Answer) -> str:
        assert isinstance(answer, list)
        return str(answer[0][call.function]["reason"])

    def given(self, call: Call, answer: Answer, now: datetime) -> dict[str, Any]:
        # The driver hands jsonb over as text; from here on it is what it says.
        for row in answer if isinstance(answer, list) else []:
            row.update(
                {key: json.loads(text) for key, text in row.items() if isinstance(text, str)}
            )
        return {"caller": self.caller}

    def user(self, draw: Draw) -> UUID:
        return draw(st.sampled_from(self.users))  # type: ignore[no-any-return]

    def session(self) -> str:
        """Return a Stripe session in which nothing has been paid yet."""
        self.sessions += 1
        return f"cs_{self.sessions}"

    def purchase(self, user: UUID, amount: int) -> Call:
        return Call("apply_credit_purchase", [user, amount, self.uuid(), self.session()])

    def funded(self, user: UUID, amount: int) -> Steps:
        """Make sure that a user has this many credits, and that as many more fit."""
        yield from self.emptied(user)
        yield self.purchase(user, amount)

    def emptied(self, user: UUID) -> Steps:
        """Spend what a user has."""
        if balance := self.state.balances[user]:
            yield Call("reserve_credits", [user, balance, self.uuid()])

    def filled_up(self, user: UUID) -> Steps:
        """Leave no room for a credit."""
        if left := LARGEST - self.state.balances[user]:
            yield self.purchase(user, left)

    def reserved(self, draw: Draw, user: UUID, amount: int) -> Find:
        """Set credits aside; return the reservation's key."""
        key = self.uuid()
        yield from self.funded(user, amount + draw(st.integers(0, 5)))
        yield Call("reserve_credits", [user, amount, key])
        return key

    async def rows(self, connection: asyncpg.Connection) -> dict[str, Any]:
        async def read(query: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in await connection.fetch(query)]

        schema = "from credit_purchase"
        operation = "user_id, operation_type, amount, stripe_session_id, reservation_key"
        entry = "user_id, amount, balance_before, balance_after, kind, reference, request_key"
        # As the superuser: a caller may be a role that sees nothing.
        await connection.execute("reset role")
        found = {
            "balances": set(await read(f"select id, credit_balance {schema}.user_profiles")),
            "operations": set(
                await read(f"select idempotency_key, {operation} {schema}.credit_operations")
            ),
            "reservations": set(
                await read(
                    "select reservation_key, user_id, amount, settled, returned"
                    f" {schema}.credit_reservations"
                )
            ),
            "entries": await read(f"select {entry} {schema}.credit_entries order by entry_no"),
        }
        await connection.execute("select set_config('role', $1, true)", self.caller)
        return found

    def known(self) -> dict[str, Any]:
        state = self.state
        return {
            "balances": set(state.balances.items()),
            "operations": {
                (o.key, o.user_id, o.kind, o.amount, o.stripe_session_id, o.reservation_key)
                for o in state.operations.values()
            },
            "reservations": {
                (key, r.user_id, r.amount, r.settled, r.returned)
                for key, r in state.reservations.items()
            },
            "entries": [tuple(vars(entry).values()) for entry in reversed(list(state.entries))],
        }


W = CreditPurchase


# What every function asks for


@recipe_of(W)
def strangers_call(world: W, draw: Draw) -> Steps:
    user, key = world.user(draw), world.uuid()
    held = yield from world.reserved(draw, user, 10)
    # "none": the superuser, whom no grant stops.
    yield world.role("none")
    for name, more in (
        ("apply_credit_purchase", [world.session()]),
        ("reserve_credits", []),
        ("settle_credits", [held]),
        ("refund_credits", [held]),
    ):
        yield Call(name, [user, draw(AMOUNTS), key, *more])
        yield Call(name, [None, None, None, *[None for _ in more]])
    yield world.role("service_role")


@recipe_of(W)
def arguments_missing(world: W, draw: Draw) -> Steps:
    user, amount, key = world.user(draw), draw(AMOUNTS), world.uuid()
    for name, more in (
        ("apply_credit_purchase", [draw(BLANK)]),
        ("reserve_credits", []),
        ("settle_credits", [None]),
        ("refund_credits", [None]),
    ):
        yield Call(name, [None, amount, key, *more])
        yield Call(name, [user, draw(NO_AMOUNT), draw(st.sampled_from([key, None])), *more])
        yield Call(name, [user, amount, None, *more])
    for name, last in (
        ("apply_credit_purchase", draw(BLANK)),
        ("settle_credits", None),
        ("refund_credits", None),
    ):
        yield Call(name, [user, amount, key, last])


# Purchases


@recipe_of(W)
def bought(world: W, draw: Draw) -> Steps:
    user, amount, key, session = world.user(draw), draw(AMOUNTS), world.uuid(), world.session()
    yield from world.emptied(user)
    yield Call("apply_credit_purchase", [user, amount, key, session])
    yield Call("apply_credit_purchase", [user, amount, key, session])
    other = draw(st.sampled_from([*world.users, world.uuid()]))
    yield Call("apply_credit_purchase", [other, amount + 1, key, session])
    yield Call("apply_credit_purchase", [other, amount, world.uuid(), session])
    yield Call("apply_credit_purchase", [user, amount, key, world.session()])


@recipe_of(W)
def bought_by_somebody_new(world: W, draw: Draw) -> Steps:
    user, key, session = world.uuid(), world.uuid(), world.session()
    amount = draw(AMOUNTS)
    yield Call("apply_credit_purchase", [user, amount, key, session])
    if draw(st.booleans()):
        yield from world.profile(user)
        yield Call("apply_credit_purchase", [user, amount, key, session])


@recipe_of(W)
def bought_more_than_fits(world: W, draw: Draw) -> Steps:
    user, key, session = world.user(draw), world.uuid(), world.session()
    yield from world.filled_up(user)
    yield Call("apply_credit_purchase", [user, draw(AMOUNTS), key, session])
    yield from world.emptied(user)
    yield Call("apply_credit_purchase", [user, draw(AMOUNTS), key, session])


# Reservations


@recipe_of(W)
def reserved(world: W, draw: Draw) -> Steps:
    user, amount = world.user(draw), draw(AMOUNTS)
    key = yield from world.reserved(draw, user, amount)
    yield Call("reserve_credits", [user, amount, key])
    yield Call("reserve_credits", [user, amount + 1, key])
    yield Call("reserve_credits", [world.uuid(), amount, key])
    yield Call("reserve_credits", [world.uuid(), amount, world.uuid()])


@recipe_of(W)
def reserved_more_than_there_is(world: W, draw: Draw) -> Steps:
    user, amount, key = world.user(draw), draw(AMOUNTS), world.uuid()
    yield from world.funded(user, amount)
    yield Call("reserve_credits", [user, amount + draw(AMOUNTS), key])
    yield Call("reserve_credits", [user, amount, draw(st.sampled_from([key, world.uuid()]))])


@recipe_of(W)
def drawn_on(world: W, draw: Draw) -> Steps:
    user, amount = world.user(draw), draw(st.integers(2, 50))
    held = yield from world.reserved(draw, user, amount)
    left = amount
    while left:
        name = draw(st.sampled_from(["settle_credits", "refund_credits"]))
        part, key = draw(st.integers(1, left)), world.uuid()
        yield Call(name, [user, part, key, held])
        yield Call(name, [user, part, key, held])
        left -= part
    for name in ("settle_credits", "refund_credits"):
        yield Call(name, [user, draw(AMOUNTS), world.uuid(), held])


@recipe_of(W)
def drawn_on_by_mistake(world: W, draw: Draw) -> Steps:
    user, amount = world.user(draw), draw(AMOUNTS)
    held = yield from world.reserved(draw, user, amount)
    (other,) = [each for each in world.users if each != user]
    for name in ("settle_credits", "refund_credits"):
        yield Call(name, [user, amount + draw(AMOUNTS), world.uuid(), held])
        yield Call(name, [user, LARGEST, world.uuid(), held])
        stranger = draw(st.sampled_from([other, world.uuid()]))
        yield Call(name, [stranger, amount, world.uuid(), held])
        yield Call(name, [user, amount, world.uuid(), world.uuid()])


@recipe_of(W)
def keys_mixed_up(world: W, draw: Draw) -> Steps:
    user = world.user(draw)
    held = yield from world.reserved(draw, user, 10)
    used, back, bought = world.uuid(), world.uuid(), world.uuid()
    yield Call("settle_credits", [user, 1, used, held])
    yield Call("refund_credits", [user, 1, back, held])
    yield Call("apply_credit_purchase", [user, 1, bought, world.session()])
    for key in draw(st.permutations([held, used, back, bought])):
        yield Call("settle_credits", [user, 1, key, held])
        yield Call("refund_credits", [user, 1, key, held])
        yield Call("reserve_credits", [user, 1, key])
        yield Call("apply_credit_purchase", [user, 1, key, world.session()])


@recipe_of(W)
def given_back_to_a_full_account(world: W, draw: Draw) -> Steps:
    user, amount, key = world.user(draw), draw(AMOUNTS), world.uuid()
    held = yield from world.reserved(draw, user, amount)
    yield from world.filled_up(user)
    yield Call("refund_credits", [user, amount, key, held])
    yield Call("refund_credits", [user, amount + 1, key, held])
    yield from world.emptied(user)
    yield Call("refund_credits", [user, amount, key, held])
