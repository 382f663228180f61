"""The ledger that a run left behind: read from the database, or stored beside the history.

``ledger.ndjson`` makes a history checkable without a database. reports/HISTORY.md is the format.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO

import asyncpg
import msgspec

from crossfoot.checks.relations import check_bindings, with_relations
from crossfoot.errors import ContentError
from crossfoot.target import Target

FORMAT = 1
NAME = "ledger.ndjson"
_BATCH = 5000

Number = int | Decimal


class LedgerHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line: whose ledger, and whether it says what was there before the first call."""

    crossfoot_ledger: int
    target: str
    opening: bool = False


class _Line(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """An account, or an entry: that one has a ``no``. Or an item of a purchase.

    Numbers are text, so that none is rounded.
    """

    account: str = ""
    balance: str | None = None
    opening: int | None = None
    no: int | None = None
    amount: str | None = None
    before: str | None = None
    after: str | None = None
    kind: str | None = None
    reference: str | None = None
    key: str | None = None
    purchase: str | None = None
    item: str | None = None


class Entry(msgspec.Struct, gc=False):
    """One movement of credit, as the relation ``entry`` has it."""

    no: int
    amount: Number
    before: Number | None
    after: Number | None
    kind: str
    reference: str
    key: str


@dataclass
class Account:
    """One account's side of the ledger: its balance, and its entries by their numbers.

    ``opening`` is the number of its last entry before the first call of the run, None if it had none.
    """

    balance: Number | None = None
    opening: int | None = None
    entries: list[Entry] = field(default_factory=list)


@dataclass
class Ledger:
    """All accounts. ``opening`` says whether it is known what was there before the first call.

    ``parts`` are the items of each purchase, where the target has such.
    """

    opening: bool = False
    accounts: dict[str, Account] = field(default_factory=lambda: defaultdict(Account))
    parts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """Return how many entries there are."""
        return sum(len(account.entries) for account in self.accounts.values())

    def add(self, line: _Line) -> None:
        """Take in an account, an entry or an item of a purchase."""
        if line.purchase is not None:
            self.parts.setdefault(line.purchase, []).append(line.item or "")
            return
        account = self.accounts[line.account]
        if line.no is None:
            account.balance, account.opening = number(line.balance), line.opening
            return
        amount = number(line.amount)
        if amount is None:
            raise ContentError(f"entry {line.no} of account {line.account} has no amount")
        account.entries.append(
            Entry(
                line.no,
                amount,
                number(line.before),
                number(line.after),
                line.kind or "",
                line.reference or "",
                line.key or "",
            )
        )

    def sort(self) -> None:
        """Put every account's entries in the order of their numbers."""
        for account in self.accounts.values():
            account.entries.sort(key=_number_of)


def _number_of(entry: Entry) -> int:
    return entry.no


def number(value: object) -> Number | None:
    """Return a number given as text or otherwise, exactly; None for what is none. 40.00 is 40."""
    if value is None or isinstance(value, bool):
        return None
    text = str(value)
    try:
        return int(text)
    except ValueError:
        pass
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return None
    if not exact.is_finite():
        return None
    return int(exact) if exact == exact.to_integral_value() else exact


async def read_opening(connection: asyncpg.Connection, target: Target) -> dict[str, int]:
    """Return the number of each account's last entry: call it before the first call of a run."""
    query = "select account_id, max(entry_no) from entry group by account_id"
    rows = await connection.fetch(with_relations(target, ["entry"], query))
    return {row[0]: row[1] for row in rows}


async def fetch_ledger(
    connection: asyncpg.Connection, target: Target, opening: Mapping[str, int] | None = None
) -> Ledger:
    """Return the ledger as it is now, in one snapshot; ``opening`` is what :func:`read_opening` said."""
    ledger = Ledger(opening is not None)
    async for line in _lines(connection, target, opening or {}):
        ledger.add(line)
    ledger.sort()
    return ledger


async def save_ledger(
    connection: asyncpg.Connection,
    target: Target,
    path: Path,
    opening: Mapping[str, int] | None = None,
) -> int:
    """Write the ledger as it is now to ``path``, in one snapshot; return how many entries it has.

    The file is there once it is whole: half a ledger would accuse every call of the other half.
    """
    encode = msgspec.json.Encoder().encode
    entries = 0
    unfinished = path.with_name(f"{path.name}.part")
    with unfinished.open("wb") as file:
        file.write(encode(LedgerHead(FORMAT, target.name, opening is not None)) + b"\n")
        async for line in _lines(connection, target, opening or {}):
            file.write(encode(line) + b"\n")
            entries += line.no is not None
    unfinished.replace(path)
    return entries


async def _lines(
    connection: asyncpg.Connection, target: Target, opening: Mapping[str, int]
) -> AsyncIterator[_Line]:
    if "entry" not in target.relations:
        raise ContentError(
            f"{target.file}: [relations] entry isn't bound, so there is no ledger to compare with",
            remedy="Bind entry (and account) under [relations]; see CONTRIBUTING.md.",
        )
    accounts = "select account_id, balance::text from account order by account_id"
    entries = (
        "select account_id, entry_no, amount::text, balance_before::text, balance_after::text,"
        " kind, reference, request_key from entry order by entry_no"
    )
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # A role that a policy would filter gets an error instead of half a ledger.
        await connection.execute("set local row_security = off")
        await check_bindings(connection, target)
        if "account" in target.relations:
            query = with_relations(target, ["account"], accounts)
            async for row in connection.cursor(query, prefetch=_BATCH):
                yield _Line(row[0], row[1], opening.get(row[0]))
        query = with_relations(target, ["entry"], entries)
        async for row in connection.cursor(query, prefetch=_BATCH):
            yield _Line(row[0], None, None, *list(row)[1:])
        if "purchase_item" in target.relations:
            items = "select purchase_id, item_id from purchase_item order by purchase_id, item_id"
            query = with_relations(target, ["purchase_item"], items)
            async for row in connection.cursor(query, prefetch=_BATCH):
                yield _Line(purchase=row[0], item=row[1])


def read_ledger(path: Path, target: str) -> Ledger:
    """Read a stored ledger. Raises ContentError naming file and line."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ContentError(f"{path}: {error.strerror}") from error
    with file:
        head = _ledger_head(path, file)
        if head.target != target:
            raise ContentError(f"{path}: is the ledger of {head.target}, the history of {target}")
        ledger = Ledger(head.opening)
        decode = msgspec.json.Decoder(_Line).decode
        for number_, line in enumerate(file, start=2):
            try:
                ledger.add(decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, ContentError) as error:
                raise ContentError(
                    f"{path}:{number_}: not a line of a ledger: {error}",
                    remedy="A ledger has to be whole. Write it again, or read it with --dsn.",
                ) from error
    ledger.sort()
    return ledger


def _ledger_head(path: Path, file: IO[bytes]) -> LedgerHead:
    try:
        head = msgspec.json.decode(file.readline(), type=LedgerHead)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContentError(f"{path}:1: not the first line of a ledger: {error}") from error
    if head.crossfoot_ledger != FORMAT:
        raise ContentError(
            f"{path}:1: format {head.crossfoot_ledger}; this Crossfoot reads {FORMAT}"
        )
    return head
