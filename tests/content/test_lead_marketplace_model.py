"""The SQL of the lead marketplace and its model give the same answers and end in the same state."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from inspect import signature
from types import ModuleType
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from crossfoot.background import BackgroundServer
from crossfoot.target import find_targets
from crossfoot.workbench import Workbench

CALLS = 250
TARGET = find_targets(["lead_marketplace"])[0]


def load_model() -> ModuleType:
    """Load model.py by its path: content isn't a package."""
    spec = importlib.util.spec_from_file_location(
        "lead_marketplace_model", TARGET.file.parent / "model.py"
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


model = load_model()


class World:
    """A few workspaces and leads, and calls drawn over them: few enough that calls meet again."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.workspaces = [self.uuid() for _ in range(3)]
        self.leads = {self.uuid(): Decimal(price) for price in (5, 10, 40, 10, 5, 20, 10, 10)}
        self.keys = [self.uuid() for _ in range(6)]
        self.purchases: list[UUID] = []
        self.top_ups: list[UUID] = []

    def uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def pick(self, *groups: Any) -> Any:
        return self.random.choice([each for group in groups for each in group])

    def amount(self) -> Any:
        odd = [None, "0", "-5", "0.005", "NaN", "Infinity", "10000000000"]
        return self.pick(
            map(Decimal, ["5", "10", "15", "40", "0.01", "10.00"]), [o and Decimal(o) for o in odd]
        )

    def lead_ids(self) -> Any:
        some = self.random.sample(list(self.leads), self.random.randint(1, 2))
        return self.pick(
            [some, some, some, some], [[], None, [some[0], some[0]], [None], [self.uuid()]]
        )

    def workspace(self) -> Any:
        return self.pick(self.workspaces, self.workspaces, [None, self.uuid()])

    def purchase(self) -> Any:
        return self.pick(self.purchases, self.purchases, [None, self.uuid()])

    def calls(self) -> dict[str, Callable[[], list[Any]]]:
        """Return what draws the arguments of each function."""

        def key() -> UUID | None:
            return self.pick(self.keys, [None, None])  # type: ignore[no-any-return]

        return {
            "validate_and_lock_leads_for_purchase": lambda: [self.lead_ids(), self.workspace()],
            "create_lead_purchase": lambda: [
                self.lead_ids(),
                self.workspace(),
                self.pick(["credits", "credits", "card", "card", "cash", None]),
                key(),
            ],
            "complete_credit_lead_purchase": lambda: [
                self.purchase(),
                self.workspace(),
                self.amount(),
            ],
            "complete_stripe_lead_purchase": lambda: [
                self.purchase(),
                self.pick([None, None, "url"]),
            ],
            "mark_leads_sold_bulk": lambda: [self.lead_ids()],
            "refund_lead_purchase": lambda: [self.purchase(), self.workspace()],
            "settle_card_refund": lambda: [self.purchase(), self.pick(["re_1", "re_2", " ", None])],
            "expire_lead_purchases": lambda: [self.pick(self.workspaces, [None])],
            "add_workspace_credits": lambda: [
                self.workspace(),
                self.amount(),
                self.pick(["gift", "", None]),
                key(),
            ],
            "create_credit_purchase": lambda: [self.workspace(), self.amount(), key()],
            "complete_stripe_credit_purchase": lambda: [
                self.pick(self.top_ups, [None, self.uuid()]),
                self.workspace(),
                self.amount(),
            ],
        }


async def in_sql(connection: asyncpg.Connection, name: str, arguments: list[Any]) -> Any:
    """Return the rows of a call, or the message of its refusal."""
    places = ", ".join(f"${number}" for number in range(1, len(arguments) + 1))
    try:
        rows = await connection.fetch(
            f"select * from lead_marketplace.{name}({places})", *arguments
        )
    except asyncpg.RaiseError as error:
        return error.message
    return [dict(row) for row in rows]


def in_model(state: Any, name: str, arguments: list[Any], said: Any) -> tuple[Any, Any]:
    """Make the same step in the model; ``said`` is what SQL said, for ids that only it can draw."""
    drawn = said[0].get(name) if isinstance(said, list) and said else None
    given = {"now": datetime.now(UTC), "new_id": drawn or UUID(int=random.getrandbits(128))}
    function = getattr(model, name)
    wanted = {key: value for key, value in given.items() if key in signature(function).parameters}
    try:
        state, rows = function(state, *arguments, **wanted)
    except model.Refused as refusal:
        return state, str(refusal)
    return state, rows if isinstance(rows, list) else [rows]


async def state_of(connection: asyncpg.Connection) -> dict[str, Any]:
    """Return what there is in the database, in the model's terms."""

    async def read(query: str) -> dict[Any, Any]:
        return {row[0]: tuple(row)[1:] for row in await connection.fetch(query)}

    return {
        "accounts": await read(
            "select workspace_id, balance from lead_marketplace.workspace_credits"
        ),
        "leads": await read(
            "select id, marketplace_status, sold_count from lead_marketplace.leads"
        ),
        "purchases": await read("select id, status from lead_marketplace.marketplace_purchases"),
        "top-ups": await read("select id, status from lead_marketplace.credit_purchases"),
        "entries": [
            tuple(row)
            for row in await connection.fetch(
                "select workspace_id, amount, balance_before, balance_after, kind"
                " from lead_marketplace.credit_entries order by entry_no"
            )
        ],
    }


def state_in(state: Any) -> dict[str, Any]:
    return {
        "accounts": {key: (balance,) for key, balance in state.accounts.items()},
        "leads": {key: (lead.status, lead.sold_count) for key, lead in state.leads.items()},
        "purchases": {key: (each.status,) for key, each in state.purchases.items()},
        "top-ups": {key: (each.status,) for key, each in state.credit_purchases.items()},
        "entries": [
            (each.workspace_id, each.amount, each.balance_before, each.balance_after, each.kind)
            for each in state.entries
        ],
    }


async def side_by_side(connection: asyncpg.Connection, world: World) -> int:
    """Make the same calls in both; return how many ended well."""
    for workspace in world.workspaces:
        await connection.execute(
            "insert into lead_marketplace.workspaces (id) values ($1)", workspace
        )
    for lead, price in world.leads.items():
        await connection.execute(
            "insert into lead_marketplace.leads (id, marketplace_status, is_marketplace_listed,"
            " marketplace_price) values ($1, 'available', true, $2)",
            lead,
            price,
        )
    leads = {key: model.Lead(price) for key, price in world.leads.items()}
    state = model.State(frozenset(world.workspaces), leads)
    calls, well = world.calls(), 0
    for number in range(CALLS):
        name = world.random.choice(list(calls))
        arguments = calls[name]()
        said = await in_sql(connection, name, arguments)
        state, expected = in_model(state, name, arguments, said)
        if isinstance(expected, list) and isinstance(said, list):
            said = [{key: row[key] for key in expected[0]} for row in said] if expected else said
            well += 1
        assert said == expected, f"call {number}: {name}{tuple(arguments)}"
        if name == "create_lead_purchase" and isinstance(said, list):
            world.purchases.append(said[0][name])
        if name == "create_credit_purchase" and isinstance(said, list):
            world.top_ups.append(said[0][name])
        assert await state_of(connection) == state_in(state), (
            f"call {number}: {name}{tuple(arguments)}"
        )
    return well


@pytest.mark.parametrize("seed", range(4))
def test_sql_and_model_agree_call_by_call(server: BackgroundServer, seed: int) -> None:
    async def work() -> int:
        bench = Workbench(server.server)
        async with bench.as_written(TARGET) as form, bench.clone(form) as name:
            connection = await server.server.connect(name)
            try:
                return await side_by_side(connection, World(seed))
            finally:
                await connection.close()

    assert server.run(work()) > CALLS // 5
