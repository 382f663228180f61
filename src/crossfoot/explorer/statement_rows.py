"""Reads from a parsed statement which rows it may touch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import postgast
from postgast import pg_query_pb2 as pg

from crossfoot.explorer.parse_tree import (
    alias_of,
    children_of,
    conjuncts_of,
    kind_of,
    name_parts,
    rows_inserted,
    sides_of,
    sql_of_cast,
)
from crossfoot.explorer.rows import ANYTHING, Access, Reach, Use
from crossfoot.explorer.tables import Reference, Table, Tables, Unique


class OpaqueError(Exception):
    """The statement may touch more than its text shows."""


def rows_reached(query: str, tables: Tables, variables: frozenset[str], owner: int | None) -> Reach:
    """Return what a query may touch, which may name these variables, with an owner's rights.

    Raises OpaqueError if its text doesn't show it all, postgast.PgQueryError if it can't be parsed.
    """
    return _Reader(tables, variables, owner).read(query)


@dataclass
class _Scope:
    """What one query names: relations by their alias (None for those that are no tables), and its CTEs."""

    relations: dict[str, Table | None] = field(default_factory=dict)
    ctes: frozenset[str] = frozenset()


class _Reader:
    """Reads one statement, parsed by libpg_query."""

    def __init__(self, tables: Tables, variables: frozenset[str], owner: int | None) -> None:
        self.tables = tables
        self.owner = owner
        self.variables = variables
        self.scopes: list[_Scope] = []
        self.accesses: list[Access] = []
        self.expressions: list[str] = []

    def read(self, query: str) -> Reach:
        parsed = postgast.parse(query)
        if len(parsed.stmts) != 1:
            raise OpaqueError
        self.visit(parsed)
        return Reach(tuple(self.accesses), tuple(self.expressions))

    # -- statements -----------------------------------------------------------------------------

    def visit(self, *messages: Any) -> None:
        """Read the statements in these messages, wherever they are."""
        for message in messages:
            read = {
                "SelectStmt": self.select,
                "InsertStmt": self.insert,
                "UpdateStmt": self.update,
                "DeleteStmt": self.delete,
            }.get(kind_of(message))
            if kind_of(message) == "MergeStmt":
                raise OpaqueError
            if not read:
                self.visit(*children_of(message))
                continue
            ctes = frozenset(cte.common_table_expr.ctename for cte in message.with_clause.ctes)
            if any(name in self.tables.names for name in ctes):
                raise OpaqueError  # within itself the name may mean the table
            self.scopes.append(_Scope(ctes=ctes))
            read(message)
            self.visit(*children_of(message))
            self.scopes.pop()

    def select(self, statement: Any) -> None:
        quals = self.sources(statement.from_clause) + conjuncts_of(statement.where_clause)
        self.note_reads(self.equal(quals))

    def insert(self, statement: Any) -> None:
        table = self.written(statement.relation, "insert")
        if statement.override == pg.OVERRIDING_USER_VALUE:
            raise OpaqueError
        names = [each.res_target.name for each in statement.cols] or list(table.columns)
        conflict = statement.on_conflict_clause
        changed = {each.res_target.name for each in conflict.target_list}
        for row in rows_inserted(statement):
            if (
                row is None
                or "insert" in table.rewritten
                or (changed and "update" in table.rewritten)
            ):
                self.add_any(table)
                continue
            given = dict(zip(names, row, strict=False))
            self.add(table, given, changed if statement.HasField("on_conflict_clause") else None)
        if changed:
            if "update" in table.opaque:
                raise OpaqueError
            for reference in table.parents:
                if changed & set(reference.columns):
                    self.share(reference, {})
            self.cascade(each for each in table.children if changed & set(each.referred))

    def add_any(self, table: Table) -> None:
        """Note a row that is inserted of which nothing is known."""
        self.note(table, Use.ADD, {}, ANYTHING)
        for reference in table.parents:
            self.share(reference, {})

    def add(self, table: Table, given: Mapping[str, Any], changed: set[str] | None) -> None:
        """Note a row that is inserted, or one with its key of which these columns are ``changed``.

        None says that it has to be a new one.
        """
        uniques = tuple(each.columns for each in table.uniques if _collides(each, table, given))
        known = values = self.assigned(table, given)
        if changed is not None:
            known = {n: text for n, text in values.items() if all(n in each for each in uniques)}
            known = {name: text for name, text in known.items() if name not in changed}
            uniques += tuple(each.columns for each in table.uniques if each.may_change(changed))
        drawn = any(
            each.drawn and (name not in given or given[name].WhichOneof("node") == "set_to_default")
            for name, each in table.columns.items()
        )
        self.note(table, Use.ADD, known, uniques, drawn=drawn)
        for reference in table.parents:
            if not any(_is_null(name, table, given) for name in reference.columns):
                self.share(reference, {name: values.get(name, "") for name in reference.columns})

    def update(self, statement: Any) -> None:
        table = self.written(statement.relation, "update")
        quals = self.sources(statement.from_clause) + conjuncts_of(statement.where_clause)
        found = self.equal(quals)
        given = {each.res_target.name: each.res_target.val for each in statement.target_list}
        alias = alias_of(statement.relation)
        kept = {name: text for name, text in found.pop(alias, {}).items() if name not in given}
        changed = tuple(each.columns for each in table.uniques if each.may_change(given))
        if "update" in table.rewritten:
            kept, changed = {}, ANYTHING
        self.note(table, Use.ADD if changed else Use.UPDATE, kept, changed)
        self.note_reads(found, but=alias)
        for reference in table.parents:
            if given.keys() & set(reference.columns):
                self.share(reference, self.assigned(table, given))
        self.cascade(each for each in table.children if given.keys() & set(each.referred))

    def delete(self, statement: Any) -> None:
        table = self.written(statement.relation, "delete")
        quals = self.sources(statement.using_clause) + conjuncts_of(statement.where_clause)
        found = self.equal(quals)
        alias = alias_of(statement.relation)
        self.note(table, Use.DELETE, found.pop(alias, {}))
        self.note_reads(found, but=alias)
        self.cascade(table.children)

    # -- what they touch ------------------------------------------------------------------------

    def note_reads(self, found: Mapping[str, Mapping[str, str]], but: str = "") -> None:
        for alias, table in self.scopes[-1].relations.items():
            if table and alias != but:
                self.note(table, Use.READ, found.get(alias, {}))

    def share(self, reference: Reference, values: Mapping[str, str]) -> None:
        """Note the rows that a foreign key refers to."""
        parent = self.tables.by_oid.get(reference.parent)
        if not parent:
            raise OpaqueError
        paired = zip(reference.columns, reference.referred, strict=True)
        self.note(parent, Use.SHARE, {theirs: values.get(mine, "") for mine, theirs in paired})

    def cascade(self, references: Iterable[Reference]) -> None:
        """Note that rows which refer to others may be read, changed or deleted."""
        for reference in references:
            child = self.tables.by_oid.get(reference.child)
            if not child or child.opaque or child.children or not reference.simple:
                raise OpaqueError
            self.note(child, Use.ADD, {}, ANYTHING)

    def assigned(self, table: Table, given: Mapping[str, Any]) -> dict[str, str]:
        """Return the variables that columns get, as they are: not cut to a length, or rounded."""
        comparable = {name for name, column in table.columns.items() if column.comparable}
        return {
            name: text for name in given.keys() & comparable if (text := self.free(given[name]))
        }

    def note(
        self,
        table: Table,
        use: Use,
        values: Mapping[str, str],
        uniques: tuple[frozenset[str], ...] = (),
        *,
        drawn: bool = False,
    ) -> None:
        keys = []
        for name, text in values.items():
            column = table.columns.get(name)
            if text and column and column.comparable:
                if text not in self.expressions:
                    self.expressions.append(text)
                keys.append((name, self.expressions.index(text)))
        self.accesses.append(Access(table.oid, use, tuple(keys), uniques, drawn))

    # -- names ----------------------------------------------------------------------------------

    def written(self, relation: Any, event: str) -> Table:
        """Return the table that a statement writes, which it also names."""
        table = self.table(relation)
        if event in table.opaque:
            raise OpaqueError
        self.scopes[-1].relations[alias_of(relation)] = table
        return table

    def sources(self, items: Iterable[Any]) -> list[Any]:
        """Name the relations of a FROM clause; return the conditions of its inner joins."""
        quals: list[Any] = []
        for item in items:
            kind = item.WhichOneof("node")
            node = getattr(item, kind)
            if kind == "range_var":
                if node.alias.colnames:
                    raise OpaqueError  # its columns have other names here
                self.scopes[-1].relations[alias_of(node)] = self.source(node)
            elif kind == "join_expr":
                quals += self.sources([node.larg, node.rarg])
                if node.jointype == pg.JOIN_INNER:
                    quals += conjuncts_of(node.quals)
            elif kind in {"range_subselect", "range_function"}:
                self.scopes[-1].relations[node.alias.aliasname or f"{len(quals)} {kind}"] = None
            else:
                raise OpaqueError
        return quals

    def source(self, relation: Any) -> Table | None:
        """Return the table that a FROM clause names, None for a common table expression."""
        if not relation.schemaname and any(relation.relname in each.ctes for each in self.scopes):
            return None
        return self.table(relation)

    def table(self, relation: Any) -> Table:
        """Return the table of this name, behind which there is nothing."""
        table = self.tables.named(relation.schemaname, relation.relname)
        if not (table and table.plain):
            raise OpaqueError
        if table.guarded and (self.owner is None or self.owner != table.owner):
            raise OpaqueError
        return table

    def equal(self, quals: Iterable[Any]) -> dict[str, dict[str, str]]:
        """Return, by alias and column, the variables that columns have to equal."""
        found: dict[str, dict[str, str]] = {}
        joined: list[tuple[tuple[str, str], tuple[str, str]]] = []
        for one, other in map(sides_of, quals):
            for left, right in ((one, other), (other, one)):
                column, to = self.column(left), self.column(right)
                if column and to:
                    joined.append((column, to))
                elif column and (text := self.free(right)):
                    found.setdefault(column[0], {}).setdefault(column[1], text)
        for _ in joined:
            for (alias, name), (as_alias, as_name) in joined:
                if text := found.get(alias, {}).get(name, ""):
                    found.setdefault(as_alias, {}).setdefault(as_name, text)
        return found

    def column(self, node: Any) -> tuple[str, str] | None:
        """Return alias and name of a column of this query that can be compared, if this is one."""
        names = name_parts(node)
        relations = self.scopes[-1].relations
        alias = names[0] if len(names) == 2 else ""
        if len(names) == 1 and None not in relations.values():
            having = [
                alias for alias, each in relations.items() if each and names[0] in each.columns
            ]
            alias = having[0] if len(having) == 1 else ""
        table = relations.get(alias)
        found = table.columns.get(names[-1]) if table else None
        return (alias, names[-1]) if found and found.comparable else None

    def free(self, node: Any) -> str:
        """Return the SQL of a variable, a parameter or a number, if that is what this is."""
        kind = node.WhichOneof("node") if node is not None else ""
        if kind == "a_const":
            return str(node.a_const.ival.ival) if node.a_const.HasField("ival") else ""
        if kind == "param_ref":
            return f"${node.param_ref.number}"
        if kind == "type_cast":
            return sql_of_cast(node.type_cast)
        return self.variable(node)

    def variable(self, node: Any) -> str:
        """Return the SQL of a variable, if no column can be meant."""
        names = name_parts(node)
        if not names or names[0] not in self.variables or len(names) > 2:
            return ""
        for scope in self.scopes:
            if names[0] in scope.relations or names[0] in scope.ctes:
                return ""
            named = scope.relations.values()
            if len(names) == 1 and any(each is None or names[0] in each.columns for each in named):
                return ""
        return ".".join(f'"{name}"' for name in names)


def _is_null(name: str, table: Table, given: Mapping[str, Any]) -> bool:
    """Say whether a column is certainly null in a row that is inserted."""
    if name not in given:
        return not table.columns[name].defaulted
    node = given[name]
    return node.WhichOneof("node") == "a_const" and bool(node.a_const.isnull)


def _collides(unique: Unique, table: Table, given: Mapping[str, Any]) -> bool:
    """Say whether a row that is inserted may have the same key as another one."""
    for name in unique.columns:
        if name not in given and table.columns[name].fresh:
            return False
        if _is_null(name, table, given) and not unique.nulls_collide:
            return False
    return True
