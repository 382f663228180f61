"""Which rows a statement of a PL/pgSQL function may touch, read from its text.

Only what the text shows for certain counts: ``column = variable`` in a WHERE, an inner join's ON, or the
values of an INSERT, and the rows that foreign keys lead to. A statement that may touch anything else,
through a function, a view, a policy or a trigger without steps, isn't described at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import postgast
from postgast import pg_query_pb2 as pg

from crossfoot.errors import ContentError
from crossfoot.explorer.callees import Callees
from crossfoot.explorer.rows import ANYTHING, Access, Reach, Use
from crossfoot.explorer.tables import Reference, Table, Tables, Unique
from crossfoot.sql import Token, tokens

if TYPE_CHECKING:
    from crossfoot.explorer.instrumented import Step

_LOOP = re.compile(r"^(<<.*>>\s*)?for\b", re.IGNORECASE)
_EXPRESSIONS = {"if", "elsif", "elseif", "when", "while"}
# A plain type's name in PostgreSQL's own parser, and in its catalog.
_TYPES = {"uuid": "uuid", "text": "text", "int2": "smallint", "int4": "integer", "int8": "bigint"}
_INTEGERS = 1 << 31
_NAME = re.compile(r"\w+$")
# The clock shows which of two rows came first. In text on one line nobody sees where a comment ends.
_TELLING = re.compile(
    r"--|/\*|\b(clock_timestamp|statement_timestamp|timeofday|uuidv7)\b", re.IGNORECASE
)
_OPAQUE = {"execute", "call", "case", "raise", "open", "fetch", "move", "close", "assert", "merge"}


class _OpaqueError(Exception):
    """The statement may touch more than its text shows."""


def reach_of(
    text: str,
    tables: Tables,
    callees: Callees,
    variables: Iterable[str],
    owner: int | None = None,
) -> Reach | None:
    """Return what a statement of a function with these variables may touch; None if nobody can tell.

    ``owner`` is whose rights the function has, if not its caller's.
    """
    try:
        words = tokens(text)
        if callees.hidden or callees.called(words) or _TELLING.search(text):
            return None
        query = _as_query(text, words)
        return _Reader(tables, frozenset(variables), owner).read(query) if query else None
    except (_OpaqueError, ContentError, postgast.PgQueryError):
        return None


def told_apart(steps: Mapping[int, Step]) -> dict[int, Step]:
    """Return the steps of a database, none of which describes rows of a table that a loop reads.

    A loop over a query reads on while its body runs, and so in any step there.
    """
    loops = [step for step in steps.values() if _LOOP.search(step.text)]
    if any(step.reach is None for step in loops):
        return {number: replace(step, reach=None) for number, step in steps.items()}
    read = frozenset[int]().union(*(step.reach.tables for step in loops if step.reach))
    return {
        number: replace(step, reach=step.reach.anywhere_in(read)) if step.reach else step
        for number, step in steps.items()
    }


def _as_query(text: str, words: Sequence[Token]) -> str:
    """Return SQL that reads and writes what a PL/pgSQL statement does; "" if it can't be said."""
    data = text.encode()

    def rest(at: int) -> str:
        return data[words[at].start :].decode() if at < len(words) else ""

    first, second = ([token.word for token in words[:2]] + ["", ""])[:2]
    if first in _OPAQUE or "execute" in {token.word for token in words}:
        return ""
    if first in {"select", "insert", "update", "delete", "with"}:
        return _without_into(text, words)
    if first == "perform" or first in _EXPRESSIONS:
        return f"select {rest(1)}"
    if first == "return":
        return rest(2) if second == "query" else f"select {rest(1)}"
    if first == "for":
        at = next((at for at, token in enumerate(words) if token.word == "in"), len(words))
        return rest(at + 1)
    at = next((at for at, token in enumerate(words) if token.text in {":=", "="}), 0)
    return f"select {rest(at + 1)}" if _is_target(words[:at]) else ""


def _is_target(words: Sequence[Token]) -> bool:
    """Say whether this is what a value is assigned to: ``name``, ``record.field``, ``list[index]``."""
    said = [token.text for token in words]
    while said[-1:] == ["]"] and said[-3:-2] == ["["]:
        said = said[:-3]
    return len(said) % 2 == 1 and all(
        text == "." if at % 2 else bool(_NAME.match(text)) for at, text in enumerate(said)
    )


def _without_into(text: str, words: Sequence[Token]) -> str:
    """Leave out ``into [strict] target, ...``, which is PL/pgSQL's."""
    depth = 0
    for at, token in enumerate(words):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.word == "into" and words[at - 1].word not in {"insert", "merge"}:
            end = at + 1 + (words[at + 1].word == "strict")
            while end + 1 < len(words) and words[end + 1].text in {".", ","}:
                end += 2
            data = text.encode()
            return (data[: token.start] + data[words[end].end :]).decode()
    return text


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
            raise _OpaqueError
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
            }.get(_kind(message))
            if _kind(message) == "MergeStmt":
                raise _OpaqueError
            if not read:
                self.visit(*_children(message))
                continue
            ctes = frozenset(cte.common_table_expr.ctename for cte in message.with_clause.ctes)
            if any(name in self.tables.names for name in ctes):
                raise _OpaqueError  # within itself the name may mean the table
            self.scopes.append(_Scope(ctes=ctes))
            read(message)
            self.visit(*_children(message))
            self.scopes.pop()

    def select(self, statement: Any) -> None:
        quals = self.sources(statement.from_clause) + _conjuncts(statement.where_clause)
        self.note_reads(self.equal(quals))

    def insert(self, statement: Any) -> None:
        table = self.written(statement.relation, "insert")
        if statement.override == pg.OVERRIDING_USER_VALUE:
            raise _OpaqueError
        names = [each.res_target.name for each in statement.cols] or list(table.columns)
        conflict = statement.on_conflict_clause
        changed = {each.res_target.name for each in conflict.target_list}
        for row in _inserted(statement):
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
                raise _OpaqueError
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
        quals = self.sources(statement.from_clause) + _conjuncts(statement.where_clause)
        found = self.equal(quals)
        given = {each.res_target.name: each.res_target.val for each in statement.target_list}
        alias = _alias(statement.relation)
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
        quals = self.sources(statement.using_clause) + _conjuncts(statement.where_clause)
        found = self.equal(quals)
        alias = _alias(statement.relation)
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
            raise _OpaqueError
        paired = zip(reference.columns, reference.referred, strict=True)
        self.note(parent, Use.SHARE, {theirs: values.get(mine, "") for mine, theirs in paired})

    def cascade(self, references: Iterable[Reference]) -> None:
        """Note that rows which refer to others may be read, changed or deleted."""
        for reference in references:
            child = self.tables.by_oid.get(reference.child)
            if not child or child.opaque or child.children or not reference.simple:
                raise _OpaqueError
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
            raise _OpaqueError
        self.scopes[-1].relations[_alias(relation)] = table
        return table

    def sources(self, items: Iterable[Any]) -> list[Any]:
        """Name the relations of a FROM clause; return the conditions of its inner joins."""
        quals: list[Any] = []
        for item in items:
            kind = item.WhichOneof("node")
            node = getattr(item, kind)
            if kind == "range_var":
                if node.alias.colnames:
                    raise _OpaqueError  # its columns have other names here
                self.scopes[-1].relations[_alias(node)] = self.source(node)
            elif kind == "join_expr":
                quals += self.sources([node.larg, node.rarg])
                if node.jointype == pg.JOIN_INNER:
                    quals += _conjuncts(node.quals)
            elif kind in {"range_subselect", "range_function"}:
                self.scopes[-1].relations[node.alias.aliasname or f"{len(quals)} {kind}"] = None
            else:
                raise _OpaqueError
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
            raise _OpaqueError
        if table.guarded and (self.owner is None or self.owner != table.owner):
            raise _OpaqueError
        return table

    def equal(self, quals: Iterable[Any]) -> dict[str, dict[str, str]]:
        """Return, by alias and column, the variables that columns have to equal."""
        found: dict[str, dict[str, str]] = {}
        joined: list[tuple[tuple[str, str], tuple[str, str]]] = []
        for one, other in map(_sides, quals):
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
        names = _names(node)
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
            return _cast(node.type_cast)
        return self.variable(node)

    def variable(self, node: Any) -> str:
        """Return the SQL of a variable, if no column can be meant."""
        names = _names(node)
        if not names or names[0] not in self.variables or len(names) > 2:
            return ""
        for scope in self.scopes:
            if names[0] in scope.relations or names[0] in scope.ctes:
                return ""
            named = scope.relations.values()
            if len(names) == 1 and any(each is None or names[0] in each.columns for each in named):
                return ""
        return ".".join(f'"{name}"' for name in names)


def _kind(message: Any) -> str:
    return str(type(message).__name__)


def _children(message: Any) -> Iterator[Any]:
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if hasattr(value, "ListFields"):
            yield value
        else:
            yield from value


def _alias(relation: Any) -> str:
    return str(relation.alias.aliasname or relation.relname)


def _conjuncts(node: Any) -> list[Any]:
    """Return the conditions that all have to be true."""
    if node.WhichOneof("node") == "bool_expr" and node.bool_expr.boolop == pg.AND_EXPR:
        return [each for argument in node.bool_expr.args for each in _conjuncts(argument)]
    return [node]


def _sides(qual: Any) -> tuple[Any, Any]:
    """Return both sides of an equality; of anything else, nothing twice."""
    if qual.WhichOneof("node") == "a_expr":
        found = qual.a_expr
        if found.kind == pg.AEXPR_OP and [each.string.sval for each in found.name] == ["="]:
            return found.lexpr, found.rexpr
    return None, None


def _names(node: Any) -> list[str]:
    """Return the parts of a name; none if this isn't one."""
    if node is None or node.WhichOneof("node") != "column_ref":
        return []
    fields = node.column_ref.fields
    if any(each.WhichOneof("node") != "string" for each in fields):
        return []
    return [each.string.sval for each in fields]


def _inserted(statement: Any) -> list[Sequence[Any] | None]:
    """Return the values of the rows that are inserted; None for those of which nothing can be told."""
    if not statement.HasField("select_stmt"):
        return [[]]  # DEFAULT VALUES
    source = statement.select_stmt.select_stmt
    if source.op not in {pg.SETOP_NONE, pg.SET_OPERATION_UNDEFINED}:
        return [None]
    rows = [each.list.items for each in source.values_lists]
    found = rows or [[each.res_target.val for each in source.target_list]]
    return [None if any(map(_is_star, row)) else row for row in found]


def _is_star(node: Any) -> bool:
    """Say whether this stands for several columns: ``row.*``."""
    kind = node.WhichOneof("node")
    if kind not in {"column_ref", "a_indirection"}:
        return False
    parts = node.column_ref.fields if kind == "column_ref" else node.a_indirection.indirection
    return any(each.WhichOneof("node") == "a_star" for each in parts)


def _cast(cast: Any) -> str:
    """Return the SQL of a parameter of a plain type; no other cast is sure not to fail."""
    name = cast.type_name
    kind = _TYPES.get(name.names[-1].string.sval, "")
    if cast.arg.WhichOneof("node") != "param_ref" or not kind or name.typmods or name.array_bounds:
        return ""
    return f"${cast.arg.param_ref.number}::{kind}"


def told(expression: str, arguments: Sequence[object]) -> str | None:
    """Return what a client's statement with these arguments tells of its rows, as crossfoot.key does.

    None if it can't be told without a server.
    """
    if re.fullmatch(r"\d+", expression):
        return f"integer {expression}" if int(expression) < _INTEGERS else None
    number, _, kind = expression.partition("::")
    value = arguments[int(number[1:]) - 1]
    plain = isinstance(value, int) if kind in {"smallint", "integer", "bigint"} else False
    if kind == "uuid" and isinstance(value, UUID):
        return f'uuid "{value}"'
    if kind == "text" and isinstance(value, str) and re.fullmatch(r"[\w.-]*", value, re.ASCII):
        return f'text "{value}"'
    return f"{kind} {value}" if plain and not isinstance(value, bool) else None


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
