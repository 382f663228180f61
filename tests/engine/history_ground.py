"""Honest histories, drawn from a seed: many sessions, a server that does one thing at a time."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from crossfoot.history.check import check_history
from crossfoot.history.ledger import Account, Entry, Ledger
from crossfoot.history.moves import read_moves
from crossfoot.history.reading import open_history
from crossfoot.history.record import CallRecord, Head
from crossfoot.results import Check
from crossfoot.target import Target, load_target
from crossfoot.verdicts import Outcome

ROOT = Path(__file__).parents[2]
MILLISECOND = 1_000_000
EPOCH = 1_700_000_000_000_000  # microseconds: when the server's clock starts

TARGET = load_target(ROOT / "reference_impl/credit_purchase/target.toml")


@dataclass
class World:
    """What was called, and what the server made of it. Records may be changed before they are checked."""

    records: list[CallRecord]
    ledger: Ledger
    machines: dict[str, str] = field(default_factory=dict)
    target: Target = field(default_factory=lambda: TARGET)

    def check(self, folder: Path, *, closed: bool = True) -> dict[str, Check]:
        """Write the history down, read it again and check it; return the checks by name."""
        folder.mkdir(exist_ok=True)
        for old in folder.glob("history*.ndjson"):
            old.unlink()
        for number, machine in enumerate(dict.fromkeys(self.machines.values()) or ["here"]):
            mine = [r for r in self.records if self.machines.get(r.session, "here") == machine]
            path = folder / f"history-{number}.ndjson"
            path.write_bytes(written(mine, machine, closed=closed, target=self.target.name))
        history = open_history([folder])
        called = read_moves(history, self.target)
        return {check.name: check for check in check_history(history, called, self.ledger)}

    def entries(self, account: str) -> list[Entry]:
        return self.ledger.accounts[account].entries

    def change(self, index: int, **values: Any) -> None:
        """Change what a call's record says."""
        self.records[index] = msgspec.structs.replace(self.records[index], **values)

    def settle(self, account: str) -> None:
        """Make the balances of an account's entries follow from their amounts, and number them."""
        balance: Any = 0
        numbers = sorted(entry.no for entry in self.entries(account))
        for number, entry in zip(numbers, self.entries(account), strict=True):
            entry.no, entry.before = number, balance
            balance += entry.amount
            entry.after = balance
        self.ledger.accounts[account].balance = balance

    def index(self, outcome: Outcome, operation: str = "", *, alone: bool = True) -> int:
        """Return a call in the middle that ended so; ``alone``: no other call has its key."""
        keys = [record.key for record in self.records]
        fit = [
            i
            for i, record in enumerate(self.records)
            if record.outcome is outcome
            and operation in record.operation
            and (not alone or keys.count(record.key) == 1)
        ]
        return fit[len(fit) // 2]

    def entry_of(self, index: int) -> Entry:
        """Return the entry that a call left."""
        record = self.records[index]
        account = str(record.arguments["user_id"])
        return next(
            e for e in self.entries(account) if e.key == record.arguments["idempotency_key"]
        )


def written(records: list[CallRecord], machine: str, *, closed: bool, target: str) -> bytes:
    calls = len(records) if closed else -1
    head = Head(1, target, "drawn", 1, machine, calls=calls)
    return b"".join(msgspec.json.encode(line) + b"\n" for line in [head, *records])


@dataclass
class Planned:
    """One call: when it runs, when the server takes its turn, and what becomes of it."""

    session: str
    operation: str
    account: str
    amount: int
    key: str
    attempt: int
    start: int
    point: int
    end: int
    fate: str  # "answered", "lost" (with or without an effect), "serialization"


def honest(
    seed: int, *, calls: int = 300, sessions: int = 6, accounts: int = 2, machines: int = 1
) -> World:
    """Return a history in which nothing is wrong."""
    draw = random.Random(seed)
    names = [str(UUID(int=draw.getrandbits(128), version=4)) for _ in range(accounts)]
    planned: list[Planned] = []
    for session in range(sessions):
        planned += _of_session(draw, f"s{session}", names, calls // sessions)
    planned.sort(key=lambda call: call.point)
    world = _carried_out(draw, planned, names)
    if machines > 1:
        _spread(draw, world, sessions, machines)
    return world


def _of_session(draw: random.Random, session: str, names: list[str], calls: int) -> list[Planned]:
    now = draw.randrange(5 * MILLISECOND)
    planned: list[Planned] = []
    again: Planned | None = None
    for _ in range(calls):
        now += draw.randrange(MILLISECOND)
        point = now + draw.randrange(1, 3 * MILLISECOND)
        end = point + draw.randrange(1, 2 * MILLISECOND)
        fate = draw.choices(["answered", "lost", "serialization"], [90, 6, 4])[0]
        if again:
            call = Planned(
                session, again.operation, again.account, again.amount, again.key,
                again.attempt + 1, now, point, end, fate,
            )  # fmt: skip
        else:
            operation = draw.choices(["reserve_credits", "apply_credit_purchase"], [3, 2])[0]
            key = str(UUID(int=draw.getrandbits(128), version=4))
            call = Planned(
                session, operation, draw.choice(names), draw.randrange(1, 30), key,
                1, now, point, end, fate,
            )  # fmt: skip
        planned.append(call)
        again = call if fate != "answered" and draw.random() < 0.7 else None
        now = end
    return planned


def _carried_out(draw: random.Random, planned: list[Planned], names: list[str]) -> World:
    """Let the server do the calls in the order of their turns."""
    ledger = Ledger(opening=True)
    numbers = count(1)
    for name in names:
        key = str(UUID(int=draw.getrandbits(128), version=4))
        entry = Entry(next(numbers), 60, 0, 60, "purchase", f"cs_{key}", key)
        ledger.accounts[name] = Account(60, entry.no, [entry])
    done: set[str] = set()
    records: list[CallRecord] = []
    for number, call in enumerate(planned, start=1):
        applies = call.fate == "answered" or (call.fate == "lost" and draw.random() < 0.5)
        reason = _apply(call, ledger, done, numbers) if applies else ""
        records.append(_record(draw, number, call, reason))
    return World(sorted(records, key=lambda r: r.end or r.start), ledger)


def _apply(call: Planned, ledger: Ledger, done: set[str], numbers: Any) -> str:
    if call.key in done:
        return "idempotency_key_already_processed"
    account = ledger.accounts[call.account]
    kind = "reserve" if call.operation == "reserve_credits" else "purchase"
    amount = -call.amount if kind == "reserve" else call.amount
    before = int(account.balance or 0)
    if before + amount < 0:
        return "insufficient_credits"
    done.add(call.key)
    account.balance = before + amount
    account.entries.append(
        Entry(next(numbers), amount, before, before + amount, kind, call.key, call.key)
    )
    return "applied"


def _record(draw: random.Random, number: int, call: Planned, reason: str) -> CallRecord:
    outcome, result, sqlstate = Outcome.OK, {}, ""
    if call.fate == "lost":
        outcome = Outcome.UNKNOWN
    elif call.fate == "serialization":
        outcome, sqlstate = Outcome.RETRYABLE, "40001"
        result = {"message": "could not serialize access"}
    else:
        outcome = Outcome.REFUSED if reason == "insufficient_credits" else Outcome.OK
        result = {call.operation: answer(reason)}
    seen = draw.randrange(call.start, call.point)
    arguments = {"user_id": call.account, "amount": call.amount, "idempotency_key": call.key}
    if call.operation == "apply_credit_purchase":
        arguments["stripe_session_id"] = f"cs_{call.key}"
    return CallRecord(
        id=number,
        session=call.session,
        operation=call.operation,
        outcome=outcome,
        start=call.start,
        end=0 if outcome is Outcome.UNKNOWN else call.end,
        arguments=arguments,
        key=call.key,
        result=result,
        sqlstate=sqlstate,
        attempt=call.attempt,
        server_start=EPOCH + seen // 1000,
        server_end=EPOCH + draw.randrange(seen, call.point) // 1000,
    )


def answer(reason: str) -> str:
    """Return what a function of credit_purchase answers, as its driver hands it over."""
    applied = reason in {"applied", "idempotency_key_already_processed"}
    return json.dumps({"reason": reason, "applied": applied and reason == "applied"})


def _spread(draw: random.Random, world: World, sessions: int, machines: int) -> None:
    """Let the sessions run on several machines, whose clocks have nothing to do with each other."""
    offsets = [draw.randrange(10**15) for _ in range(machines)]
    for session in range(sessions):
        world.machines[f"s{session}"] = f"machine{session % machines}"
    for i, record in enumerate(world.records):
        offset = offsets[int(record.session[1:]) % machines]
        world.change(i, start=record.start + offset, end=record.end + offset if record.end else 0)
