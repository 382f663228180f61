"""License billing, for SQL and model side by side: three licenses that come and go, any requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, ClassVar
from uuid import UUID

import asyncpg
from hypothesis import strategies as st
from side_by_side import Answer, Call, Draw, Fact, Steps, World, recipe_of

LARGEST = 2**31 - 1
COSTS = st.sampled_from([1, 2, 30, 500])
NO_AMOUNT = st.sampled_from([None, 0, -1, -30, -(2**31)])
TEXTS = st.sampled_from([None, "", "a text"])
BEFORE, LONG_AFTER = datetime(2001, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)
NO_LICENSE, CONFLICT = "INVALID_LICENSE: License key not found", "REQUEST_CONFLICT: *"
NO_CREDITS = "INSUFFICIENT_CREDITS: Current balance * is less than required *"
BAD_AMOUNT = "INVALID_AMOUNT: Amount must be above zero: *"


class Licenses(World):
    """The licenses are shared by the recipes, request ids they draw."""

    system = "license_billing"
    outcomes: ClassVar = {
        "deduct_credits": [
            NO_LICENSE, CONFLICT, "INACTIVE_LICENSE: License is not active",
            "EXPIRED_LICENSE: License has expired", BAD_AMOUNT, NO_CREDITS,
            "repeated", "late", "ok",
        ],
        "add_credits": [
            NO_LICENSE, BAD_AMOUNT, CONFLICT, "BALANCE_TOO_LARGE: Balance would be *",
            "repeated", "ok",
        ],
        "record_unbilled_generation": [
            NO_LICENSE, BAD_AMOUNT, "INVALID_REQUEST: Request id is missing", CONFLICT,
            "unbilled", "unbilled again", "billed", "billed again",
        ],
        "settle_unbilled_generation": [
            "UNKNOWN_GENERATION: Nothing was generated under request id *", NO_CREDITS,
            "repeated", "ok",
        ],
        "settle_unbilled_generations": [
            "INVALID_LIMIT: Limit must be above zero: *", "nothing", "some",
        ],
    }  # fmt: skip

    def __init__(self, model: ModuleType) -> None:
        super().__init__(model)
        self.licenses = {self.uuid(): f"key-{number}" for number in range(3)}
        self.requests: set[UUID] = set()
        self.moves = 0

    def setup(self) -> Iterator[Fact]:
        tenant = self.uuid()
        for license_id, key in self.licenses.items():
            yield Fact(
                "insert into license_billing.licenses (id, license_key, tenant_id) values ($1, $2, $3)",
                [license_id, key, tenant],
                self.listed(self.model.License(license_id, key)),
            )

    def listed(self, license: Any) -> Callable[[Any], Any]:
        return lambda state: replace(state, licenses=state.licenses.insert(license.id, license))

    def label(self, call: Call, answer: Answer) -> str:
        moved, self.moves = len(self.state.entries) > self.moves, len(self.state.entries)
        if isinstance(answer, str):
            return answer
        row = answer[0]
        if call.function == "record_unbilled_generation":
            return (
                f"{'billed' if row['billed'] else 'unbilled'}{' again' * row['already_recorded']}"
            )
        if call.function == "settle_unbilled_generations":
            return "some" if row["generations_settled"] else "nothing"
        if call.function == "deduct_credits" and call.arguments[2] in self.state.generations:
            return "late" if moved else "repeated"
        return "ok" if moved else "repeated"

    def request(self) -> UUID:
        """Return a new request id."""
        request = self.uuid()
        self.requests.add(request)
        return request

    def any_license(self, draw: Draw) -> UUID:
        return draw(st.sampled_from(sorted(self.licenses)))  # type: ignore[no-any-return]

    def other(self, license_id: UUID) -> str:
        """Return the key of another license."""
        return next(key for each, key in self.licenses.items() if each != license_id)

    def turned(
        self, license_id: UUID, *, active: bool = True, expires: datetime | None = None
    ) -> Fact:
        """Return the fact that a license is switched on or off, and runs so long."""
        license = self.state.licenses[license_id]
        return Fact(
            "update license_billing.licenses set is_active = $2, expires_at = $3 where id = $1",
            [license_id, active, expires],
            self.listed(replace(license, is_active=active, expires_at=expires)),
        )

    def balance(self, license_id: UUID) -> int:
        return int(self.state.licenses[license_id].credits_remaining)

    def funded(self, license_id: UUID, amount: int) -> Steps:
        """Make sure that a license is on and has this many credits."""
        yield self.turned(license_id)
        if (missing := amount - self.balance(license_id)) > 0:
            yield Call("add_credits", [self.licenses[license_id], missing, None])

    def emptied(self, license_id: UUID) -> Steps:
        """Spend what a license has; it is on then."""
        yield self.turned(license_id)
        if balance := self.balance(license_id):
            yield Call("deduct_credits", [self.licenses[license_id], balance, None])

    async def rows(self, connection: asyncpg.Connection) -> dict[str, Any]:
        async def read(query: str) -> list[list[Any]]:
            return [list(row) for row in await connection.fetch(query)]

        licenses = await read(
            "select id, is_active, expires_at, credits_remaining, credits_total"
            " from license_billing.licenses"
        )
        requests = await read(
            "select request_id, license_id, kind, amount from license_billing.credit_requests"
        )
        entries = await read(
            "select request_id, license_id, kind, amount, balance_before, balance_after"
            " from license_billing.credit_entries order by entry_no"
        )
        generations = await read(
            "select request_id, generation, settled_at is not null"
            " from license_billing.unbilled_generations order by recorded_no"
        )
        return {
            "licenses": sorted(licenses, key=str),
            "requests": self.by_name(requests),
            "entries": [[self.name(entry[0]), *entry[1:]] for entry in entries],
            "generations": generations,
        }

    def known(self) -> dict[str, Any]:
        state = self.state
        licenses = [
            [each.id, each.is_active, each.expires_at, each.credits_remaining, each.credits_total]
            for each in state.licenses.values()
        ]
        return {
            "licenses": sorted(licenses, key=str),
            "requests": self.by_name(
                [[each.id, each.license_id, each.kind, each.amount] for each in state.requests.values()]
            ),
            "entries": [
                [
                    self.name(each.request_id), each.license_id, each.kind, each.amount,
                    each.balance_before, each.balance_after,
                ]
                for each in reversed(list(state.entries))
            ],
            "generations": [
                [key, state.generations[key], key in state.entry_of]
                for key in reversed(list(state.recorded))
            ],
        }  # fmt: skip

    def name(self, request: UUID) -> UUID | None:
        """Return an id that a caller gave; those that the server drew are all the same."""
        return request if request in self.requests else None

    def by_name(self, requests: list[list[Any]]) -> list[list[Any]]:
        return sorted(([self.name(each[0]), *each[1:]] for each in requests), key=str)


W = Licenses


# Deductions


@recipe_of(W)
def no_license(world: W, draw: Draw) -> Steps:
    key = draw(st.sampled_from([None, "", "KEY-0", "key-0 "]))
    amount, request = draw(st.one_of(COSTS, NO_AMOUNT)), world.request()
    yield Call("deduct_credits", [key, amount, request])
    yield Call("add_credits", [key, amount, request])
    yield Call("record_unbilled_generation", [key, amount, None, draw(TEXTS)])


@recipe_of(W)
def no_amount(world: W, draw: Draw) -> Steps:
    license_id, request = world.any_license(draw), draw(st.sampled_from([None, world.request()]))
    yield world.turned(license_id, expires=draw(st.sampled_from([None, LONG_AFTER])))
    key = world.licenses[license_id]
    yield Call("deduct_credits", [key, draw(NO_AMOUNT), request])
    yield Call("add_credits", [key, draw(NO_AMOUNT), request])
    yield Call("record_unbilled_generation", [key, draw(NO_AMOUNT), request, draw(TEXTS)])


@recipe_of(W)
def charged_twice(world: W, draw: Draw) -> Steps:
    license_id, cost, request = world.any_license(draw), draw(COSTS), world.request()
    key = world.licenses[license_id]
    yield from world.funded(license_id, cost)
    yield Call("deduct_credits", [key, cost, request])
    yield draw(
        st.sampled_from(
            [
                world.turned(license_id),
                world.turned(license_id, active=False),
                world.turned(license_id, expires=BEFORE),
            ]
        )
    )
    yield Call("deduct_credits", [key, cost, request])
    wrong = [[key, cost + 1], [world.other(license_id), cost], [key, draw(NO_AMOUNT)]]
    yield Call("deduct_credits", [*draw(st.sampled_from(wrong)), request])
    yield Call("deduct_credits", [key, cost + 1, request])
    yield Call("add_credits", [key, cost, request])


@recipe_of(W)
def charged_without_id(world: W, draw: Draw) -> Steps:
    license_id, cost = world.any_license(draw), draw(COSTS)
    yield from world.funded(license_id, 2 * cost)
    yield Call("deduct_credits", [world.licenses[license_id], cost, None])
    yield Call("deduct_credits", [world.licenses[license_id], cost, None])


@recipe_of(W)
def switched_off(world: W, draw: Draw) -> Steps:
    license_id, request = world.any_license(draw), world.request()
    key, amount = world.licenses[license_id], draw(st.one_of(COSTS, NO_AMOUNT))
    yield world.turned(license_id, active=False, expires=draw(st.sampled_from([None, BEFORE])))
    yield Call("deduct_credits", [key, amount, request])
    yield world.turned(license_id, expires=BEFORE)
    yield Call("deduct_credits", [key, amount, request])
    yield from world.funded(license_id, 30)
    yield Call("deduct_credits", [key, 30, request])


@recipe_of(W)
def expires_this_moment(world: W, draw: Draw) -> Steps:
    license_id = world.any_license(draw)
    license = world.state.licenses[license_id]
    now = datetime.now(UTC) + draw(st.sampled_from([timedelta(days=-1), timedelta(days=1)]))
    yield Fact(
        "update license_billing.licenses set is_active = true, expires_at = $2 where id = $1",
        [license_id, now],
        world.listed(replace(license, is_active=True, expires_at=now)),
    )
    yield Call("deduct_credits", [world.licenses[license_id], draw(COSTS), None])


@recipe_of(W)
def too_few_credits(world: W, draw: Draw) -> Steps:
    license_id, cost, request = world.any_license(draw), draw(COSTS), world.request()
    key = world.licenses[license_id]
    yield from world.emptied(license_id)
    yield Call("deduct_credits", [key, cost, request])
    yield Call("add_credits", [key, cost, None])
    yield Call("deduct_credits", [key, cost + 1, request])
    yield Call("deduct_credits", [key, cost, request])


# Top-ups


@recipe_of(W)
def topped_up_twice(world: W, draw: Draw) -> Steps:
    license_id, amount, request = world.any_license(draw), draw(COSTS), world.request()
    key = world.licenses[license_id]
    yield from world.emptied(license_id)
    yield world.turned(license_id, active=draw(st.booleans()))
    yield Call("add_credits", [key, amount, request])
    yield Call("add_credits", [key, draw(COSTS), None])
    yield Call("add_credits", [key, amount, request])
    wrong = [[key, amount + 1], [world.other(license_id), amount]]
    yield Call("add_credits", [*draw(st.sampled_from(wrong)), request])
    yield Call("deduct_credits", [key, amount, request])
    yield Call("record_unbilled_generation", [key, amount, request, None])
    yield Call("settle_unbilled_generation", [request])


@recipe_of(W)
def filled_up(world: W, draw: Draw) -> Steps:
    license_id, request = world.any_license(draw), world.request()
    key, amount = world.licenses[license_id], draw(st.sampled_from([1, 30, LARGEST]))
    yield from world.funded(license_id, LARGEST)
    yield Call("add_credits", [key, amount, request])
    yield from world.emptied(license_id)
    yield Call("add_credits", [key, amount, request])
    yield from world.emptied(license_id)


# What could not be charged at once


@recipe_of(W)
def recorded_without_id(world: W, draw: Draw) -> Steps:
    key = world.licenses[world.any_license(draw)]
    yield Call("record_unbilled_generation", [key, draw(COSTS), None, draw(TEXTS)])


@recipe_of(W)
def recorded_twice(world: W, draw: Draw) -> Steps:
    license_id, cost, request = world.any_license(draw), draw(COSTS), world.request()
    key, text = world.licenses[license_id], draw(TEXTS)
    yield world.turned(license_id, active=draw(st.booleans()))
    yield Call("record_unbilled_generation", [key, cost, request, text])
    yield Call("record_unbilled_generation", [key, cost, request, text])
    wrong = [[key, cost + 1, request, text], [world.other(license_id), cost, request, text]]
    yield Call("record_unbilled_generation", draw(st.sampled_from(wrong)))
    yield Call("record_unbilled_generation", [key, cost, request, "another text"])


@recipe_of(W)
def recorded_then_charged(world: W, draw: Draw) -> Steps:
    license_id, cost, request = world.any_license(draw), draw(COSTS), world.request()
    key = world.licenses[license_id]
    yield Call("record_unbilled_generation", [key, cost, request, "a text"])
    yield Call("deduct_credits", [key, cost + 1, request])
    yield from world.funded(license_id, cost)
    yield Call("deduct_credits", [key, cost, request])
    yield Call("settle_unbilled_generation", [request])
    yield Call("record_unbilled_generation", [key, cost, request, "a text"])
    yield Call("record_unbilled_generation", [key, cost, request, None])


@recipe_of(W)
def charged_then_recorded(world: W, draw: Draw) -> Steps:
    license_id, cost, request = world.any_license(draw), draw(COSTS), world.request()
    key = world.licenses[license_id]
    yield from world.funded(license_id, cost)
    yield Call("deduct_credits", [key, cost, request])
    yield Call("record_unbilled_generation", [key, cost, request, "a text"])
    yield Call("record_unbilled_generation", [key, cost, request, "a text"])
    yield Call("settle_unbilled_generation", [request])


@recipe_of(W)
def settled_twice(world: W, draw: Draw) -> Steps:
    license_id, cost, request = world.any_license(draw), draw(COSTS), world.request()
    key = world.licenses[license_id]
    yield Call("settle_unbilled_generation", [request])
    yield Call("record_unbilled_generation", [key, cost, request, draw(TEXTS)])
    yield from world.emptied(license_id)
    yield Call("settle_unbilled_generation", [request])
    yield from world.funded(license_id, cost)
    yield world.turned(license_id, active=draw(st.booleans()), expires=BEFORE)
    yield Call("settle_unbilled_generation", [request])
    yield Call("settle_unbilled_generation", [request])
    yield Call("deduct_credits", [key, cost, request])


@recipe_of(W)
def nothing_to_settle(world: W, draw: Draw) -> Steps:
    yield Call("settle_unbilled_generation", [draw(st.sampled_from([None, world.request()]))])
    yield Call("settle_unbilled_generations", [draw(NO_AMOUNT)])


@recipe_of(W)
def worker(world: W, draw: Draw) -> Steps:
    for _ in range(draw(st.integers(1, 4))):
        license_id = world.any_license(draw)
        yield from world.emptied(license_id)
        cost, key = draw(COSTS), world.licenses[license_id]
        yield Call("record_unbilled_generation", [key, cost, world.request(), None])
    for license_id in world.licenses:
        yield from world.funded(license_id, draw(COSTS))
    yield Call("settle_unbilled_generations", [draw(st.integers(1, 3))])
    yield Call("settle_unbilled_generations", [100])
    yield Call("settle_unbilled_generations", [100])
