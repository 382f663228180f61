"""Lints: sentences that must be true of the code, read from the catalog of a database."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from crossfoot.content import shipped_content
from crossfoot.errors import ContentError
from crossfoot.headers import read_header, read_text
from crossfoot.rendering import render_row
from crossfoot.results import Check, Finding, Kind, Property
from crossfoot.sql import statements
from crossfoot.target import Target
from crossfoot.verdicts import Severity, Verdict

_KEYS = {"title", "severity", "property", "detects", "reads"}

# The lints' vocabulary. $1: the target's schemas; $2: names of the functions that its operations
# call; $3: schema, table and column of the balance; $4: schema and table of the ledger; $5: role.
_RELATIONS = {
    "target_function": """
        select p.oid, n.nspname::text as schema, p.proname::text as name,
               format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
                   as signature,
               coalesce(p.prosrc, '') as body, l.lanname::text as language,
               p.prosecdef as security_definer, p.proconfig as config, p.proowner as owner,
               p.proacl as acl, (n.nspname || '.' || p.proname) = any ($2::text[]) as is_operation
        from pg_catalog.pg_proc as p
        join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
        join pg_catalog.pg_language as l on l.oid = p.prolang
        where n.nspname = any ($1::text[]) and p.prokind in ('f', 'p')""",
    "target_table": """
        select c.oid, n.nspname::text as schema, c.relname::text as name,
               c.relrowsecurity as rls_enabled, c.relforcerowsecurity as rls_forced,
               c.relowner as owner
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p')""",
    "target_column": """
        select c.oid as table_oid, n.nspname::text as schema, c.relname::text as table_name,
               a.attname::text as column_name, format_type(a.atttypid, a.atttypmod) as type,
               a.attnotnull as not_null
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_class as c on c.oid = a.attrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = any ($1::text[]) and c.relkind in ('r', 'p')
          and a.attnum > 0 and not a.attisdropped""",
    "balance": """
        select c.oid as table_oid, n.nspname::text as schema, c.relname::text as table_name,
               a.attname::text as column_name
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_class as c on c.oid = a.attrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = ($3::text[])[1] and c.relname = ($3::text[])[2]
          and a.attname = ($3::text[])[3]""",
    "ledger": """
        select c.oid as table_oid, n.nspname::text as schema, c.relname::text as table_name
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = ($4::text[])[1] and c.relname = ($4::text[])[2]""",
    "caller": "select $5::text as role_name where $5::text is not null",
}


@dataclass(frozen=True)
class Lint:
    """One lint file."""

    name: str
    file: str
    title: str
    about: str
    severity: Severity
    properties: tuple[Property, ...]
    detects: tuple[str, ...]
    reads: tuple[str, ...]
    sql: str

    @property
    def composed(self) -> str:
        """Return the query with its vocabulary; its parameters are those of all lints."""
        used = (f"{name} as (\n{_RELATIONS[name]}\n)" for name in _RELATIONS)
        parameters = (
            "parameters as (select $1::text[], $2::text[], $3::text[], $4::text[], $5::text)"
        )
        return f"with {parameters}, {', '.join(used)}\nselect * from (\n{self.sql}\n) as lint"

    def check(self, verdict: Verdict, reason: str = "") -> Check:
        """Return the result of this lint, without findings yet."""
        return Check(
            kind=Kind.LINT,
            name=self.name,
            title=self.title,
            verdict=verdict,
            severity=self.severity,
            properties=list(self.properties),
            detects=list(self.detects),
            file=self.file,
            about=self.about,
            reason=reason,
        )


def load_lint(path: Path, shown_as: str) -> Lint:
    """Read a lint file. Raises ContentError naming the file and what is missing."""
    text = read_text(path)
    header = read_header(text, shown_as)
    header.only(_KEYS)
    found = statements(text)
    if len(found) != 1:
        raise ContentError(f"{shown_as}: a lint is one select, not {len(found)} statements")
    reads = tuple(header.many("reads"))
    for name in reads:
        if name not in _RELATIONS:
            raise ContentError(
                f"{shown_as}: reads: unknown relation '{name}'",
                remedy=f"Relations: {', '.join(_RELATIONS)}.",
            )
    return Lint(
        name=path.stem,
        file=shown_as,
        title=header.one("title"),
        about=header.about,
        severity=Severity(header.one("severity")),
        properties=tuple(Property(name) for name in header.many("property")) or (Property.ACCESS,),
        detects=tuple(header.many("detects")),
        reads=reads,
        sql=found[0].text,
    )


def load_lints(target: Target) -> list[Lint]:
    """Return the lints beside a target and those that came with Crossfoot; the former win by name."""
    found: dict[str, Lint] = {}
    for place in (shipped_content(), target.content):
        for path in place.lints:
            found[path.stem] = load_lint(path, place.relative(path))
    return [found[name] for name in sorted(found)]


async def run_lints(
    connection: asyncpg.Connection, lints: Sequence[Lint], target: Target
) -> list[Check]:
    """Read the catalog; return a check for each lint."""
    return [await _run_one(connection, lint, target) for lint in lints]


async def _run_one(connection: asyncpg.Connection, lint: Lint, target: Target) -> Check:
    started = time.perf_counter()
    settings = {"balance": target.target.balance, "ledger": target.target.ledger}
    for name in lint.reads:
        if name in settings and settings[name] is None:
            return lint.check(
                Verdict.UNKNOWN, f"[target] {name} isn't declared in target.toml: which one is it?"
            )
    try:
        rows = await connection.fetch(
            lint.composed,
            target.schemas,
            [operation.function for operation in target.operations.values()],
            (target.target.balance or "").split("."),
            (target.target.ledger or "").split("."),
            target.target.role,
        )
    except asyncpg.PostgresError as error:
        return lint.check(Verdict.UNKNOWN, str(error))
    check = lint.check(Verdict.FAIL if rows else Verdict.PASS)
    check.findings = [_finding(lint, render_row(row)) for row in rows]
    check.seconds = time.perf_counter() - started
    return check


def _finding(lint: Lint, row: dict[str, str | None]) -> Finding:
    details = ", ".join(
        f"{name} {value}" for name, value in row.items() if name != "subject" and value
    )
    return Finding(
        subject=str(row["subject"]),
        summary=f"{row['subject']}: {details}" if details else str(row["subject"]),
        explanation=lint.about,
        anomaly=lint.detects[0] if lint.detects else "",
        rows=[row],
    )
