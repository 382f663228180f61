"""Run every measurement and print its table, or those that are named: ``python -m bench load``."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Sequence

from bench.bursts import explorer_against_bursts
from bench.drivers import drivers_against_pgbench
from bench.explorer import explorer_against_isolationtester
from bench.history import cost_of_history, history
from bench.references import references_against_tpcb
from crossfoot.loop import new_event_loop
from crossfoot.server import Server, open_server

Table = Callable[[Server], Awaitable[str]]

TABLES: dict[str, list[tuple[str, Table]]] = {
    "explorer": [("Explorer against isolationtester", explorer_against_isolationtester)],
    "bursts": [("Explorer against bursts", explorer_against_bursts)],
    "load": [
        ("Drivers against pgbench, making the same call", drivers_against_pgbench),
        ("What keeping a history costs", cost_of_history),
    ],
    "references": [("Reference functions against TPC-B", references_against_tpcb)],
    "history": [("Checking a history", history)],
}


async def _main(names: Sequence[str]) -> None:
    async with open_server() as server:
        load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
        print(f"# Bench\n\n{server.description}, {platform.system()} {platform.machine()},")
        print(f"{os.cpu_count()} processors, load average {load} before\n")
        for name in names or TABLES:
            for title, table in TABLES[name]:
                print(f"## {title}\n\n{await table(server)}\n", flush=True)


if unknown := [name for name in sys.argv[1:] if name not in TABLES]:
    sys.exit(f"bench: no table {unknown[0]!r}. There are: {', '.join(TABLES)}.")
with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(_main(sys.argv[1:]))
