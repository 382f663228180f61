"""Pieces of a statement as libpg_query parses it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from postgast import pg_query_pb2 as pg

# A plain type's name in PostgreSQL's own parser, and in its catalog.
_TYPES = {"uuid": "uuid", "text": "text", "int2": "smallint", "int4": "integer", "int8": "bigint"}


def kind_of(message: Any) -> str:
    """Return the name of a message's type, such as SelectStmt."""
    return str(type(message).__name__)


def children_of(message: Any) -> Iterator[Any]:
    """Yield the messages in a message."""
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if hasattr(value, "ListFields"):
            yield value
        else:
            yield from value


def alias_of(relation: Any) -> str:
    """Return by what name a query knows a table."""
    return str(relation.alias.aliasname or relation.relname)


def conjuncts_of(node: Any) -> list[Any]:
    """Return the conditions that all have to be true."""
    if node.WhichOneof("node") == "bool_expr" and node.bool_expr.boolop == pg.AND_EXPR:
        return [each for argument in node.bool_expr.args for each in conjuncts_of(argument)]
    return [node]


def sides_of(qual: Any) -> tuple[Any, Any]:
    """Return both sides of an equality; of anything else, nothing twice."""
    if qual.WhichOneof("node") == "a_expr":
        found = qual.a_expr
        if found.kind == pg.AEXPR_OP and [each.string.sval for each in found.name] == ["="]:
            return found.lexpr, found.rexpr
    return None, None


def name_parts(node: Any) -> list[str]:
    """Return the parts of a name; none if this isn't one."""
    if node is None or node.WhichOneof("node") != "column_ref":
        return []
    fields = node.column_ref.fields
    if any(each.WhichOneof("node") != "string" for each in fields):
        return []
    return [each.string.sval for each in fields]


def rows_inserted(statement: Any) -> list[Sequence[Any] | None]:
    """Return the values of the rows that are inserted; None for those of which nothing can be told."""
    if not statement.HasField("select_stmt"):
        return [[]]  # DEFAULT VALUES
    source = statement.select_stmt.select_stmt
    if source.op not in {pg.SETOP_NONE, pg.SET_OPERATION_UNDEFINED}:
        return [None]
    rows = [each.list.items for each in source.values_lists]
    found = rows or [[each.res_target.val for each in source.target_list]]
    return [None if any(map(is_star, row)) else row for row in found]


def is_star(node: Any) -> bool:
    """Say whether this stands for several columns: ``row.*``."""
    kind = node.WhichOneof("node")
    if kind not in {"column_ref", "a_indirection"}:
        return False
    parts = node.column_ref.fields if kind == "column_ref" else node.a_indirection.indirection
    return any(each.WhichOneof("node") == "a_star" for each in parts)


def sql_of_cast(cast: Any) -> str:
    """Return the SQL of a parameter of a plain type; no other cast is sure not to fail."""
    name = cast.type_name
    kind = _TYPES.get(name.names[-1].string.sval, "")
    if cast.arg.WhichOneof("node") != "param_ref" or not kind or name.typmods or name.array_bounds:
        return ""
    return f"${cast.arg.param_ref.number}::{kind}"
