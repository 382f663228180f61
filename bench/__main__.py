"""Run every measurement and print its table."""

from __future__ import annotations

import asyncio
import platform

from bench.bursts import explorer_against_bursts
from bench.explorer import explorer_against_isolationtester
from crossfoot.loop import new_event_loop
from crossfoot.server import open_server


async def _main() -> None:
    async with open_server() as server:
        print(f"# Bench\n\n{server.description}, {platform.system()} {platform.machine()}\n")
        print("## Explorer against isolationtester\n")
        print(await explorer_against_isolationtester(server))
        print("\n## Explorer against bursts\n")
        print(await explorer_against_bursts(server))


with asyncio.Runner(loop_factory=new_event_loop) as runner:
    runner.run(_main())
