"""What keeping a history costs, and how long a long one takes to be checked."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import msgspec
import psutil  # type: ignore[import-untyped]

from bench.ground import CHARGES, Ground, Loop, closed_loop, open_charges
from crossfoot.driver import Note
from crossfoot.history.ledger import NAME
from crossfoot.history.record import CallRecord, Recorder
from crossfoot.server import Server
from crossfoot.verdicts import Outcome

CALLS = 1_000_000
ACCOUNTS = 1_000
HOT = 0.1  # share of the calls that go to one account
SLICES = 12  # pairs of short loops, with and without a history
SLICE = 0.5  # seconds
_LOOK = 0.5  # seconds between two looks at how much memory a check has
_APPLIED = '{"reason": "applied", "applied": true}'
_REFUSED = '{"reason": "insufficient_credits", "applied": false}'
_EPOCH = 1_700_000_000_000_000


@dataclass(frozen=True)
class Rate:
    """One check of one history: seconds, those of ``cpu`` time, and all that its processes had at once."""

    calls: int
    seconds: float
    cpu: float
    megabytes: float
    verdict: str

    def __str__(self) -> str:
        rate = self.calls / self.seconds
        return (
            f"{self.calls:,} calls checked in {self.seconds:.1f} s ({rate:,.0f} per second;"
            f" {self.cpu:.1f} s of processor time), {self.megabytes:,.0f} MB at the peak: {self.verdict}"
        )


def cost_of_add(calls: int = 200_000, rounds: int = 5) -> float:
    """Return the microseconds of processor time that noting one call takes: the median of some rounds."""
    call = CallRecord(
        1, "user 1", "reserve_credits", Outcome.OK, 10**15, 10**15 + 10**6,
        {"user_id": str(UUID(int=1)), "amount": 3, "idempotency_key": str(UUID(int=2))},
        str(UUID(int=2)), {"reserve_credits": _APPLIED}, "", 1, _EPOCH, _EPOCH + 900,
    )  # fmt: skip
    found: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            path = Path(folder) / "history.ndjson"
            started = time.process_time()
            with Recorder(
                path, target="credit_purchase", scenario="", seed=1, began=""
            ) as recorder:
                for _ in range(calls):
                    recorder.add(call)
            found.append((time.process_time() - started) / calls * 1e6)
    return statistics.median(found)


def checker_rate(calls: int = CALLS) -> Rate:
    """Check an honest history of so many calls in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_honest(Path(folder), calls)
        command = [sys.executable, "-m", "crossfoot", "check", folder, "--json"]
        with (Path(folder) / "result.json").open("wb") as output:
            started = time.perf_counter()
            process = subprocess.Popen(command, stdout=output)
            peak, ended = 0, 0
            while not ended:
                peak = max(peak, _memory(psutil.Process(process.pid)))
                time.sleep(_LOOK)
                ended, _, used = os.wait4(process.pid, os.WNOHANG)
            seconds = time.perf_counter() - started
        result = json.loads((Path(folder) / "result.json").read_bytes())
        checks = result["targets"][0]["checks"]
        said = ", ".join(f"{check['name']} {check['verdict']}" for check in checks)
        return Rate(calls, seconds, used.ru_utime + used.ru_stime, peak / 1e6, said)


def _memory(process: psutil.Process) -> int:
    """Return the bytes that a process and its children have, what they share counted once."""
    bytes_ = 0
    for each in (process, *process.children(recursive=True)):
        with suppress(psutil.Error):
            bytes_ += each.memory_full_info().pss
    return bytes_


def write_honest(folder: Path, calls: int, accounts: int = ACCOUNTS, seed: int = 1) -> None:
    """Write a history and its ledger: one server that does one call at a time, dozens of callers."""
    draw = random.Random(seed)  # noqa: S311
    names = [str(UUID(int=draw.getrandbits(128), version=4)) for _ in range(accounts)]
    balances = dict.fromkeys(names, 0)
    encode = msgspec.json.Encoder().encode
    recorder = Recorder(
        folder / "history.ndjson", target="credit_purchase", scenario="drawn", seed=seed, began=""
    )
    with recorder, (folder / NAME).open("wb") as ledger:
        ledger.write(b'{"crossfoot_ledger":1,"target":"credit_purchase","opening":true}\n')
        now = 0
        for number in range(1, calls + 1):
            now += 50_000
            name = names[0] if draw.random() < HOT else names[draw.randrange(accounts)]
            call, moved = _call(draw, number, now, name, balances[name])
            recorder.add(call)
            if moved:
                before = balances[name]
                balances[name] = before + moved
                line = {
                    "account": name, "no": number, "amount": str(moved), "before": str(before),
                    "after": str(before + moved), "kind": "purchase" if moved > 0 else "reserve",
                    "reference": call.key, "key": call.key,
                }  # fmt: skip
                ledger.write(encode(line) + b"\n")
        for name, balance in balances.items():
            ledger.write(encode({"account": name, "balance": str(balance)}) + b"\n")


def _call(
    draw: random.Random, number: int, now: int, name: str, balance: int
) -> tuple[CallRecord, int]:
    """Return one call that the server does at ``now`` (nanoseconds), and what it moves."""
    amount = draw.randrange(1, 50)
    spends = draw.random() < 0.6
    refused = spends and amount > balance
    lost = draw.random() < 0.01
    start, end = now - draw.randrange(1, 10**6), now + draw.randrange(1, 10**6)
    key = str(UUID(int=draw.getrandbits(128), version=4))
    arguments = {"user_id": name, "amount": amount, "idempotency_key": key}
    operation = "reserve_credits" if spends else "apply_credit_purchase"
    if not spends:
        arguments["stripe_session_id"] = f"cs_{number}"
    outcome = Outcome.UNKNOWN if lost else Outcome.REFUSED if refused else Outcome.OK
    call = CallRecord(
        number, f"user {number % 64}", operation, outcome, start + 10**9, 0 if lost else end + 10**9,
        arguments, key, {} if lost else {operation: _REFUSED if refused else _APPLIED}, "", 1,
        _EPOCH + start // 1000, _EPOCH + now // 1000,
    )  # fmt: skip
    return call, 0 if refused else (-amount if spends else amount)


async def history(server: Server) -> str:
    """Return both figures as lines of Markdown. No server is asked."""
    return f"- noting a call: {cost_of_add():.2f} µs\n- {checker_rate()}"


async def cost_of_history(server: Server) -> str:
    """Return what keeping a history takes from a closed loop of eight callers on 1000 accounts."""
    with_it: list[Loop] = []
    without: list[Loop] = []
    async with open_charges(server) as ground:
        for number in range(SLICES):
            order: list[Callable[[Ground], Awaitable[None]]] = [
                lambda ground: _slice(ground, without, lambda call: None),
                lambda ground: _recorded(ground, with_it),
            ]
            for each in order if number % 2 else reversed(order):
                await each(ground)
    rates = [a.rate / b.rate for a, b in zip(with_it, without, strict=True)]
    client = [statistics.median(each.client for each in loops) for loops in (with_it, without)]
    whole = statistics.median(each.client + each.server for each in without)
    return (
        f"- calls per second with a history: {statistics.median(rates):.1%} of those without"
        f" (median of {SLICES} pairs; {min(rates):.0%} to {max(rates):.0%})\n"
        f"- the caller's processor time per call: {client[0]:.1f} µs with it, {client[1]:.1f} µs"
        f" without; the difference is {(client[0] - client[1]) / whole:.1%} of what a call costs"
        " caller and server"
    )


async def _recorded(ground: Ground, loops: list[Loop]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.ndjson"
        with Recorder(path, target="pay", scenario="bench", seed=1, began="") as recorder:
            await _slice(ground, loops, recorder.add)


async def _slice(ground: Ground, loops: list[Loop], note: Note) -> None:
    await ground.vacuum()
    work = CHARGES[1]
    async with ground.callers(8, work, note) as callers:
        loops.append(await closed_loop(callers, work, SLICE))
