"""Audits: sentences that must be true of the data, and the queries that find where they aren't."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from crossfoot.checks.relations import Population, check_bindings, populations, with_relations
from crossfoot.content import Content, shipped_content
from crossfoot.errors import ContentError
from crossfoot.headers import read_header, read_text
from crossfoot.rendering import render_row
from crossfoot.results import Check, Finding, Kind, Property
from crossfoot.sql import statements
from crossfoot.target import RELATIONS, Target
from crossfoot.verdicts import Severity, Verdict

_GRAVITY = list(Severity)
_KEYS = {"anomaly", "title", "severity", "property", "detects", "reads"}
_MOST_ROWS = 20


@dataclass(frozen=True)
class Audit:
    """One audit file.

    ``sql`` returns the offending rows; ``reads`` are the relations it speaks of; ``anomaly`` is what
    overlapping calls that violate it are called ("lost update").
    """

    name: str
    file: str
    title: str
    about: str
    severity: Severity
    properties: tuple[Property, ...]
    detects: tuple[str, ...]
    reads: tuple[str, ...]
    sql: str
    anomaly: str = ""

    def composed(self, target: Target, limit: int = _MOST_ROWS) -> str:
        """Return the query that PostgreSQL gets for this target."""
        query = f"select *, count(*) over () as total_rows\nfrom (\n{self.sql}\n) as audit\nlimit {limit}"
        return with_relations(target, self.reads, query)

    def check(self, verdict: Verdict, reason: str = "") -> Check:
        """Return the result of this audit, without findings yet."""
        return Check(
            kind=Kind.AUDIT,
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


@dataclass(frozen=True)
class Offence:
    """One offending row: which audit, which subject, and the row as text."""

    audit: str
    subject: str
    row: dict[str, str | None] = field(compare=False, hash=False)


def load_audit(path: Path, shown_as: str) -> Audit:
    """Read an audit file. Raises ContentError naming the file and what is missing."""
    text = read_text(path)
    header = read_header(text, shown_as)
    header.only(_KEYS)
    found = statements(text)
    if len(found) != 1:
        raise ContentError(f"{shown_as}: an audit is one select, not {len(found)} statements")
    reads = tuple(header.many("reads"))
    for name in reads:
        if name not in RELATIONS:
            raise ContentError(
                f"{shown_as}: reads: unknown relation '{name}'",
                remedy=f"Relations: {', '.join(RELATIONS)}.",
            )
    if not reads:
        raise ContentError(f"{shown_as}: header has no 'reads:' line")
    return Audit(
        name=path.stem,
        file=shown_as,
        title=header.one("title"),
        about=header.about,
        severity=Severity(header.one("severity")),
        properties=tuple(Property(name) for name in header.many("property")) or (Property.LEDGER,),
        detects=tuple(header.many("detects")),
        reads=reads,
        sql=found[0].text,
        anomaly=header.one("anomaly", ""),
    )


def load_audits(content: Content) -> list[Audit]:
    """Return the audits beside a target and those that came with Crossfoot; the former win by name."""
    shipped = shipped_content()
    found: dict[str, Audit] = {}
    for place in (shipped, content):
        for path in place.audits:
            found[path.stem] = load_audit(path, place.relative(path))
    return [found[name] for name in sorted(found)]


@dataclass(frozen=True)
class AuditSet:
    """The audits of one target: those that apply, and why the others don't."""

    target: Target
    applicable: tuple[Audit, ...]
    left_out: tuple[Check, ...]

    @classmethod
    def of(cls, target: Target) -> AuditSet:
        """Sort the audits by what the target binds and declares absent."""
        applicable: list[Audit] = []
        left_out: list[Check] = []
        for audit in load_audits(target.content):
            absent = [name for name in audit.reads if name in target.absent]
            unbound = [name for name in audit.reads if name not in target.relations]
            if absent:
                reason = f"no {absent[0]}: {target.absent[absent[0]]}"
                left_out.append(audit.check(Verdict.NOT_APPLICABLE, reason))
            elif unbound:
                reason = (
                    f"'{unbound[0]}' isn't bound. Bind it under [relations] in target.toml, or say"
                    " under [absent] why there is none."
                )
                left_out.append(audit.check(Verdict.UNKNOWN, reason))
            else:
                applicable.append(audit)
        return cls(target, tuple(applicable), tuple(left_out))

    def everything(self) -> str:
        """Return one query that runs all applicable audits, the gravest first.

        Its rows are (audit, subject, row as JSON).
        """
        parts = [
            f"select '{audit.name}', found.subject::text, to_jsonb(found.*)::text\n"
            f"from (\n{audit.sql}\n) as found"
            for audit in sorted(self.applicable, key=lambda each: _GRAVITY.index(each.severity))
        ]
        names = [name for audit in self.applicable for name in audit.reads]
        query = "\nunion all\n".join(parts) or "select '', '', '' where false"
        return with_relations(self.target, names, query)

    async def offences(self, connection: asyncpg.Connection) -> list[Offence]:
        """Return every offending row of every audit, in the state that ``connection`` sees now."""
        rows = await connection.fetch(self.everything())
        return [
            Offence(
                row[0],
                row[1] or "null",
                {
                    k: None if v is None else str(v)
                    for k, v in json.loads(row[2], parse_float=str).items()
                },
            )
            for row in rows
        ]


async def run_audits(
    connection: asyncpg.Connection, audits: AuditSet, timeout: float = 60.0
) -> list[Check]:
    """Run the audits in one read-only snapshot and return a check for each, left-out ones included.

    ``timeout`` is seconds per statement. With ``row_security = off`` a role that a policy would
    filter gets an error, and the audit is ``unknown`` instead of passing on what it can't see.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute("set local row_security = off")
        await connection.execute(f"set local statement_timeout = {int(timeout * 1000)}")
        await check_bindings(connection, audits.target)
        counted = await populations(connection, audits.target)
        checks = [
            await _run_one(connection, audit, audits.target, counted) for audit in audits.applicable
        ]
    return sorted([*checks, *audits.left_out], key=lambda check: check.name)


async def _run_one(
    connection: asyncpg.Connection, audit: Audit, target: Target, counted: dict[str, Population]
) -> Check:
    started = time.perf_counter()
    try:
        async with connection.transaction():
            rows = await connection.fetch(audit.composed(target))
    except asyncpg.PostgresError as error:
        return audit.check(Verdict.UNKNOWN, _why_unknown(error))
    check = audit.check(Verdict.FAIL if rows else Verdict.PASS)
    for name in audit.reads:
        if name in counted:
            check.population |= counted[name].describe()
    if rows:
        check.findings = [_finding(audit, rows)]
    elif audit.reads[0] in counted and counted[audit.reads[0]].rows == 0:
        check.verdict = Verdict.UNKNOWN
        check.reason = (
            f"there is no {audit.reads[0]} to look at: an audit of nothing proves nothing"
        )
    check.seconds = time.perf_counter() - started
    return check


def _finding(audit: Audit, rows: Sequence[asyncpg.Record]) -> Finding:
    shown = [render_row(row) for row in rows]
    total = int(rows[0]["total_rows"])
    for row in shown:
        row.pop("total_rows")
    first = shown[0]
    evidence = ", ".join(f"{name} {value}" for name, value in first.items() if name != "subject")
    more = f" (and {total - 1} more)" if total > 1 else ""
    return Finding(
        subject=str(first["subject"]),
        summary=f"{first['subject']}: {evidence}{more}",
        explanation=audit.about,
        anomaly=audit.detects[0] if audit.detects else "",
        rows=shown,
        total_rows=total,
    )


def _why_unknown(error: asyncpg.PostgresError) -> str:
    """Say why an audit couldn't run, with the remedy where it is known."""
    if "row-level security" in str(error):
        return f"{error}. Audit with a role that sees every row: the owner, or one with BYPASSRLS."
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return f"{error}. Grant SELECT on it to the role that audits."
    if isinstance(error, asyncpg.QueryCanceledError):
        return f"{error}. Give it longer with --timeout, or audit a replica."
    return str(error)
