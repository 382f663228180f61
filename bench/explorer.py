"""The explorer against PostgreSQL's isolationtester: the same schedules of the same two races."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from crossfoot.explorer.arena import Arena
from crossfoot.explorer.explore import Bounds, Explorer
from crossfoot.explorer.judge import Judge
from crossfoot.explorer.race import Race
from crossfoot.explorer.search import Search
from crossfoot.explorer.trace import Trace
from crossfoot.server import Server
from crossfoot.stages import load_races
from crossfoot.target import load_target
from crossfoot.workbench import Workbench

ROUNDS = 5
SECONDS = 2.0  # how long each side runs in one round
ARENAS = 4
_FOLDER = Path(__file__).parent / "races"

Order = tuple[str, ...]


async def explorer_against_isolationtester(server: Server) -> str:
    """Return a table of schedules per second, medians of several rounds, and the ratios.

    Once of the schedules that the explorer runs, and once of all orders of the statements: the explorer
    settles those by running the former.
    """
    tester = _isolationtester(server)
    target = load_target(_FOLDER / "target.toml")
    lines = [
        "| race | orders | explorer/s | isolationtester/s | ratio (median of rounds) | spread |",
        "|---|---|---|---|---|---|",
    ]
    bench = Workbench(server)
    async with (
        bench.as_written(target) as form,
        bench.clone(form) as database,
        bench.explorer(form, seed=1, bounds=Bounds(), arenas=ARENAS) as explorer,
    ):
        for race in load_races(target, 1):
            run = await _orders(explorer, race)
            for orders, which in (
                (run, "those that it runs"),
                (await _orders(explorer, race, reduce=False), "all"),
            ):
                dsn, spec = server.dsn(database), _spec(race, orders)
                ours: list[float] = []
                theirs: list[float] = []
                for _ in range(ROUNDS):
                    settled = len(orders) / len(run)
                    ours.append(settled * await _rate_of_explorer(explorer, race))
                    theirs.append(await _rate_of_tester(tester, dsn, spec, len(orders)))
                ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
                lines.append(
                    f"| {race.name} | {which}: {len(orders)} | {statistics.median(ours):.0f} |"
                    f" {statistics.median(theirs):.0f} | {statistics.median(ratios):.2f} |"
                    f" {min(ratios):.2f} to {max(ratios):.2f} |"
                )
    return "\n".join(lines)


def _isolationtester(server: Server) -> Path:
    assert server.binaries, "the bench needs the binaries of the embedded server"
    return server.binaries.parent / "lib/pgxs/src/test/isolation/isolationtester"


async def _search(
    explorer: Explorer, race: Race, judge: Judge, seen: list[Trace], *, reduce: bool = True
) -> None:
    async def judged(trace: Trace, arena: Arena) -> None:
        await judge.judge(trace, arena)
        seen.append(trace)

    await Search(100_000, reduce=reduce).run(race, explorer.arenas, judged)


async def _orders(explorer: Explorer, race: Race, *, reduce: bool = True) -> list[Order]:
    """Explore the race once; return each schedule as the order in which statements were sent."""
    for arena in explorer.arenas:
        await arena.open(len(race.sessions))
    seen: list[Trace] = []
    await _search(explorer, race, Judge(race, explorer.audits), seen, reduce=reduce)
    return sorted({_sent(trace) for trace in seen})


def _sent(trace: Trace) -> Order:
    counts: dict[int, int] = {}
    sent: list[str] = []
    for event in trace.events:
        if event.kind in {"call", "commit"}:
            counts[event.session] = counts.get(event.session, 0) + 1
            sent.append(f"s{event.session + 1}_{counts[event.session]}")
    return tuple(sent)


async def _rate_of_explorer(explorer: Explorer, race: Race) -> float:
    judge = Judge(race, explorer.audits)
    ran = 0
    started = time.perf_counter()
    while time.perf_counter() - started < SECONDS:
        seen: list[Trace] = []
        await _search(explorer, race, judge, seen)
        ran += len(seen)
    return ran / (time.perf_counter() - started)


async def _rate_of_tester(tester: Path, dsn: str, spec: str, orders: int) -> float:
    """Run whole passes over all permutations in one process, as many as fill the time."""
    once = await _run_tester(tester, dsn, spec)
    passes = max(1, round(SECONDS / once))
    header, _, permutations = spec.partition("\npermutation ")
    repeated = "".join(f"\npermutation {permutations}" for _ in range(passes))
    return passes * orders / await _run_tester(tester, dsn, header + repeated)


async def _run_tester(tester: Path, dsn: str, spec: str) -> float:
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        tester,
        dsn,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate(spec.encode())
    if process.returncode or b"invalid permutation" in said or b"timed out" in complained:
        raise RuntimeError(f"isolationtester: {complained.decode()[-500:]}{said.decode()[-500:]}")
    return time.perf_counter() - started


def _spec(race: Race, orders: Sequence[Order]) -> str:
    """Return the race as a spec of isolationtester, with rows, not tables, in its set-up."""
    parts = [f"setup {{ {race.setup}; }}", "teardown { delete from bench.account; }"]
    for number, session in enumerate(race.sessions, start=1):
        parts.append(f"session s{number}\nsetup {{ begin; }}")
        calls = [call.query.text for transaction in session.transactions for call in transaction]
        parts += [
            f"step s{number}_{step} {{ {text}; }}"
            for step, text in enumerate([*calls, "commit"], start=1)
        ]
    return "\n".join([*parts, *(f"permutation {' '.join(order)}" for order in orders)])
