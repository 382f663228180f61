"""Contracts: one session, calls in order, each with its expected outcome."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

import asyncpg

from crossfoot.explorer.race import read_properties, read_severity
from crossfoot.outcome import outcome_of_error, outcome_of_rows
from crossfoot.rendering import render
from crossfoot.results import Check, Finding, Kind, Property
from crossfoot.scenario import Directive, ScenarioFile, draw, literal, read_scenario
from crossfoot.sql import Query, Statement
from crossfoot.target import Target
from crossfoot.verdicts import Outcome, Severity, Verdict

_KEYS = {"title", "property", "detects", "severity"}
_WORDS = {"setup", "call", "expect", "check", "let", "as"}
SUPERUSER = "superuser"


@dataclass(frozen=True)
class Expected:
    """The outcome that a call must have, and a glob that its message or first row must match."""

    outcome: Outcome
    glob: str = "*"


@dataclass(frozen=True)
class Act:
    """One statement of a contract: set-up, a call with its expectation, or a check of the state."""

    query: Query
    shown: str
    line: int
    role: str | None
    operation: str | None = None
    expected: Expected | None = None
    check: str = ""
    keep: str | None = None


@dataclass(frozen=True)
class Contract:
    """A parsed contract file."""

    name: str
    title: str
    file: str
    about: str
    severity: Severity
    properties: tuple[Property, ...]
    detects: tuple[str, ...]
    acts: tuple[Act, ...]

    @property
    def operations(self) -> list[str]:
        """Return the operations that the contract calls."""
        return list(dict.fromkeys(act.operation for act in self.acts if act.operation))

    def new_check(self) -> Check:
        """Return the check of this contract, without a verdict yet."""
        return Check(
            kind=Kind.CONTRACT,
            name=self.name,
            title=self.title,
            verdict=Verdict.UNKNOWN,
            severity=self.severity,
            properties=list(self.properties),
            detects=list(self.detects),
            operations=self.operations,
            file=self.file,
            about=self.about,
        )


def load_contract(path: Path, target: Target, seed: int) -> Contract:
    """Read a contract file. Raises ContentError naming file, line and remedy."""
    source = read_scenario(path, target.content.relative(path), ".contract.sql", _WORDS)
    source.header.only(_KEYS)
    acts = _Reader(source, target, seed).read()
    if not any(act.expected or act.check for act in acts):
        raise source.fail(1, "expects nothing", "Add '-- @expect ok' or '-- @check ...' lines.")
    return Contract(
        name=source.name,
        title=source.header.one("title"),
        file=source.file,
        about=source.header.about,
        severity=read_severity(source, Severity.HIGH),
        properties=tuple(read_properties(source, default=[Property.STATE])),
        detects=tuple(source.header.many("detects")),
        acts=tuple(acts),
    )


def load_contracts(target: Target, seed: int) -> list[Contract]:
    """Return the target's contracts, each with values of its own."""
    paths = target.content.contracts(target.name)
    return [load_contract(path, target, seed + number) for number, path in enumerate(paths)]


@dataclass
class _Reader:
    source: ScenarioFile
    target: Target
    seed: int
    pending: dict[str, Directive] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

    def read(self) -> list[Act]:
        values = draw(self.source.values, self.seed)
        literals = {n: f"{literal(values[n])}::{kind}" for n, kind in self.source.values.items()}
        role, in_setup = self.target.target.role, False
        acts: list[Act] = []
        for directive in self.source.directives:
            if directive.word == "setup":
                in_setup = True
            elif directive.word == "as":
                role, in_setup = self.role(directive), False
            else:
                self.note(directive, literals)
                in_setup = False
            for statement in self.source.statements(directive):
                acts.append(self.act(statement, literals, SUPERUSER if in_setup else role))
        for directive in self.pending.values():
            raise self.source.fail(
                directive.line, f"no statement follows @{directive.word}", "Put it above one."
            )
        return acts

    def role(self, directive: Directive) -> str:
        known = [self.target.target.role, *self.target.target.roles, SUPERUSER]
        if directive.rest not in known:
            raise self.source.fail(
                directive.line,
                f"@as: no role {directive.rest!r}",
                f"Roles: {', '.join(role for role in known if role)}."
                " Name others under roles in target.toml.",
            )
        return directive.rest

    def note(self, directive: Directive, literals: Mapping[str, str]) -> None:
        if directive.word in self.pending:
            raise self.source.fail(directive.line, f"@{directive.word} twice for one statement")
        if directive.word == "let":
            self.source.check_name(directive, literals)
        if directive.word == "check" and not directive.rest:
            raise self.source.fail(
                directive.line, "@check wants a sentence", "Say what the query makes sure of."
            )
        self.pending[directive.word] = directive

    def act(self, statement: Statement, literals: dict[str, str], role: str | None) -> Act:
        query = self.source.query(statement, literals, self.kept)
        rest = {word: directive.rest for word, directive in self.pending.items()}
        operation = rest.get("call")
        if operation and operation not in self.target.operations:
            raise self.source.fail(
                self.pending["call"].line,
                f"no operation {operation!r}",
                f"Operations of {self.target.name}: {', '.join(self.target.operations)}.",
            )
        expected = self.expected(self.pending["expect"]) if "expect" in rest else None
        check = rest.get("check", "")
        if "let" in rest:
            self.kept[rest["let"]] = ""
        self.pending = {}
        return Act(
            query,
            statement.text,
            statement.line,
            SUPERUSER if check else role,
            operation,
            expected,
            check,
            rest.get("let"),
        )

    def expected(self, directive: Directive) -> Expected:
        word, _, glob = directive.rest.partition(" ")
        if word not in {"ok", "refused", "error", "retryable"}:
            raise self.source.fail(
                directive.line, f"@expect {word!r}", "Outcomes: ok, refused, error, retryable."
            )
        return Expected(Outcome(word), glob.strip() or "*")


Connect = Callable[[], Awaitable[asyncpg.Connection]]


async def run_contracts(
    superuser: asyncpg.Connection, connect: Connect, contracts: Sequence[Contract], target: Target
) -> list[Check]:
    """Run contracts one after another in one database; return a check for each.

    ``superuser`` runs set-ups and state checks; calls go through connections of their own, one for
    each role that a contract names.
    """
    runner = ContractRunner(superuser, connect, {}, target)
    try:
        return [await replace(runner, kept={}).run(each) for each in contracts]
    finally:
        await runner.close()


class CanNotTellError(Exception):
    """The contract's own set-up or check fails, so it proves nothing."""


@dataclass
class ContractRunner:
    """Runs contracts. ``callers`` holds the connections by role, from one contract to the next."""

    superuser: asyncpg.Connection
    connect: Connect
    callers: dict[str | None, asyncpg.Connection]
    target: Target
    kept: dict[str, object] = field(default_factory=dict)

    async def run(self, contract: Contract) -> Check:
        """Run one contract; return its check with a verdict."""
        started = time.perf_counter()
        check = contract.new_check()
        try:
            for act in contract.acts:
                check.findings += await self.act(act, contract)
        except CanNotTellError as error:
            check.reason = str(error)
        else:
            check.verdict = Verdict.PASS
        if check.findings:
            check.verdict = Verdict.FAIL
        check.seconds = time.perf_counter() - started
        return check

    async def act(self, act: Act, contract: Contract) -> list[Finding]:
        """Run one statement; return what is wrong with how it ended."""
        if act.check:
            return await self.check(act, contract)
        if act.role == SUPERUSER and not act.expected:
            self.keep(act, await self.ask(act, contract, "@setup"))
            return []
        return await self.call(act, contract)

    async def ask(self, act: Act, contract: Contract, section: str) -> list[asyncpg.Record]:
        """Run a statement of the contract's own as superuser."""
        arguments = self.arguments(act, contract)
        try:
            rows = await self.superuser.fetch(act.query.text, *arguments)
        except asyncpg.PostgresError as error:
            raise CanNotTellError(
                f"{contract.file}:{act.line}: {section} fails: {error}"
            ) from error
        return list(rows)

    async def check(self, act: Act, contract: Contract) -> list[Finding]:
        """Ask a question about the state."""
        rows = await self.ask(act, contract, "@check")
        if rows and all(value is True for row in rows for value in row.values()):
            return []
        got = "no row" if not rows else _rendered(rows[0])
        return [self.finding(contract, act, f"not true: {act.check}", f"The check gave: {got}.")]

    def arguments(self, act: Act, contract: Contract) -> list[object]:
        """Return the values that a statement speaks of, kept by earlier ones."""
        for name in act.query.names:
            if name not in self.kept:
                raise CanNotTellError(
                    f"{contract.file}:{act.line}: ':{name}' has no value, as the call that was to"
                    " give it ended in an error"
                )
        return act.query.arguments(self.kept)

    async def call(self, act: Act, contract: Contract) -> list[Finding]:
        """Make a call and compare its outcome with the expected one."""
        self.arguments(act, contract)
        outcome, said = await self.send(act)
        expected = act.expected or Expected(Outcome.OK)
        if outcome is expected.outcome and fnmatchcase(said, expected.glob):
            return []
        wanted = f"{expected.outcome} {expected.glob}".removesuffix(" *")
        summary = f"{act.operation or 'statement'} ended {outcome} ({said}), expected {wanted}"
        return [self.finding(contract, act, summary, f"The call was: {act.shown}")]

    async def send(self, act: Act) -> tuple[Outcome, str]:
        """Send a call under its role; return how it ended and the message or rendered first row."""
        operation = self.target.operations.get(act.operation or "")
        caller = await self.caller_of(act)
        try:
            rows = await caller.fetch(act.query.text, *act.query.arguments(self.kept))
        except asyncpg.PostgresError as error:
            message = str(getattr(error, "message", "") or error)
            return outcome_of_error(
                operation, str(error.sqlstate), message
            ), f"{error.sqlstate} {message}"
        self.keep(act, rows)
        columns = tuple(rows[0].keys()) if rows else ()
        texts = [tuple(render(value) for value in row.values()) for row in rows]
        return outcome_of_rows(operation, columns, texts), _rendered(rows[0]) if rows else "no row"

    async def caller_of(self, act: Act) -> asyncpg.Connection:
        """Return the connection that an act's call goes through: that of its role.

        One connection for all would let a role use the statements that another one has prepared,
        past the checks that PostgreSQL makes when it prepares them.
        """
        role = None if act.role == SUPERUSER else act.role
        if role not in self.callers:
            self.callers[role] = await self.connect()
            if role:
                await self.callers[role].execute(f'set role "{role}"')
        return self.callers[role]

    async def close(self) -> None:
        """Close the callers' connections."""
        for caller in self.callers.values():
            await caller.close()

    def keep(self, act: Act, rows: Sequence[asyncpg.Record]) -> None:
        """Keep the first value of the rows for later statements, if the contract wants it."""
        if act.keep:
            self.kept[act.keep] = rows[0][0] if rows else None

    @staticmethod
    def finding(contract: Contract, act: Act, summary: str, explanation: str) -> Finding:
        """Return a finding that points to the act's line."""
        return Finding(
            subject=f"{contract.file}:{act.line}",
            summary=summary,
            explanation=f"{contract.title}. {explanation}",
            anomaly=contract.detects[0] if contract.detects else "",
        )


def _rendered(row: asyncpg.Record) -> str:
    """Return a row as ``column=value, column=value``."""
    cells = ((name, render(value)) for name, value in row.items())
    return ", ".join(f"{name}={'null' if value is None else value}" for name, value in cells)
