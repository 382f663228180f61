"""The audits' vocabulary on one database: canonical relations as CTEs over the target's own tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg

from crossfoot.errors import ContentError
from crossfoot.target import RELATIONS, Target

_TOTALS = {
    "account": ("balance", "sum of balances"),
    "entry": ("amount", "sum of entries"),
    "item": ("sold_count", "sum of sold counts"),
    "purchase": ("amount", "sum of purchases"),
    "purchase_item": ("price", "sum of prices"),
    "charge": ("amount", "sum of charges"),
    "refund": ("amount", "sum of refunds"),
    "payment": ("amount", "sum of payments"),
    "hold": ("amount", "sum of holds"),
    "usage": ("amount", "sum of usage"),
    "transfer": ("amount", "sum of transfers"),
    "allocation": ("amount", "sum of allocations"),
    "log_line": ("balance_after - balance_before", "sum of logged movements"),
    "claim": ("(resource_id is not null)::integer", "claims with a resource"),
    "webhook_event": ("(effect is not null)::integer", "events with an effect"),
}


@dataclass(frozen=True)
class Population:
    """How much of a relation was there to be looked at: rows and a control total."""

    relation: str
    rows: int
    total: str

    def describe(self) -> dict[str, str]:
        """Return it as report lines: ``{"entry rows": "12", "sum of entries": "340.00"}``."""
        return {f"{self.relation} rows": str(self.rows), _TOTALS[self.relation][1]: self.total}


def with_relations(target: Target, names: Iterable[str], query: str) -> str:
    """Prefix ``query`` with the bound relations it names, so that it can speak of them.

    CTEs need no DDL, so this runs on a read replica with a role that can only SELECT.
    """
    bound = [
        f"{name} as not materialized (\n{_cast(name, target.relations[name])}\n)"
        for name in dict.fromkeys(names)
    ]
    return f"with {', '.join(bound)}\n{query}" if bound else query


def _cast(name: str, select: str) -> str:
    """Return a binding with its columns in their canonical types, so that audits needn't guess."""
    columns = ", ".join(f"bound.{column}::{kind}" for column, kind in RELATIONS[name].items())
    return f"select {columns}\nfrom (\n{select.strip().rstrip(';')}\n) as bound"


async def check_bindings(connection: asyncpg.Connection, target: Target) -> None:
    """Raise ContentError if a binding doesn't parse here or lacks a column."""
    for name, select in target.relations.items():
        place = f"{target.file}: [relations] {name}"
        try:
            async with connection.transaction():
                prepared = await connection.prepare(f"select * from (\n{select}\n) as {name}")
        except asyncpg.InsufficientPrivilegeError:
            continue  # the audits that read it will say so
        except asyncpg.PostgresError as error:
            raise ContentError(
                f"{place}: {error}",
                remedy="Is this the right database, and is the target's SQL applied to it?",
            ) from error
        columns = {attribute.name for attribute in prepared.get_attributes()}
        if missing := [column for column in RELATIONS[name] if column not in columns]:
            raise ContentError(
                f"{place}: lacks {', '.join(missing)}",
                remedy=f"It has to yield: {', '.join(RELATIONS[name])}.",
            )


async def populations(connection: asyncpg.Connection, target: Target) -> dict[str, Population]:
    """Count every bound relation; one that can't be read is left out."""
    found: dict[str, Population] = {}
    for name in target.relations:
        column = _TOTALS[name][0]
        query = f"select count(*), coalesce(sum({column}), 0)::text from {name}"
        try:
            async with connection.transaction():
                row = await connection.fetchrow(with_relations(target, [name], query))
        except asyncpg.PostgresError:
            continue
        found[name] = Population(name, row[0], row[1])
    return found
