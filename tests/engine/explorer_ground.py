"""What the tests of crossfoot.explorer stand on: a target kept open, races written in place."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from crossfoot.background import BackgroundServer
from crossfoot.explorer.arena import Arena
from crossfoot.explorer.explore import Bounds, Explorer
from crossfoot.explorer.race import Race, load_race
from crossfoot.explorer.search import Follow, Search
from crossfoot.explorer.trace import Trace
from crossfoot.results import Check
from crossfoot.target import Target, load_target
from crossfoot.workbench import Workbench

T = TypeVar("T")

SPECIMENS = Path(__file__).resolve().parent.parent / "specimens"


class Ground:
    """One target with an explorer that stays open; make it with :func:`ground_of`."""

    target: Target
    explorer: Explorer

    def __init__(self, server: BackgroundServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self._files = 0

    @property
    def arena(self) -> Arena:
        """Return the first arena."""
        return self.explorer.arenas[0]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine where the explorer lives."""
        return self.server.run(work)

    def race(
        self,
        *sessions: str,
        setup: str = "",
        values: str = "",
        header: str = "",
        state: str = "",
        seed: int = 1,
        name: str = "",
    ) -> Race:
        """Return a race of these sessions: "a", "b", ... unless a name is part of the text."""
        head = ["-- title: A race", *(f"-- {line}" for line in header.splitlines())]
        body = [f"-- @values {values}" if values else "", "-- @setup", setup]
        for letter, text in zip("abcdefgh", sessions, strict=False):
            body += [f"-- @session {letter}", text]
        body += ["-- @state", state] if state else []
        self._files += 1
        path = self.folder / f"{name or f'race_{self._files}'}.race.sql"
        path.write_text("\n".join(head + body) + "\n")
        return load_race(path, self.target, seed)

    def explore(self, race: Race, *, schedules: int = 2000, first: bool = False) -> Check:
        """Return the race's check."""
        self.explorer.bounds = Bounds(schedules, first)
        return self.run(self.explorer.explore(race))

    def trace(self, race: Race, *choices: int) -> Trace:
        """Run one schedule in the first arena."""

        async def one() -> Trace:
            await self.arena.open(len(race.sessions))
            return await self.arena.run(race, Follow(choices))

        return self.run(one())

    def every_trace(self, race: Race, *, reduce: bool = True, mirror: bool = False) -> list[Trace]:
        """Run every schedule; with ``reduce`` orders that only swap strangers count once.

        With ``mirror`` those do, too, that are each other's mirror image.
        """
        found: list[Trace] = []

        async def seen(trace: Trace, arena: Arena) -> None:
            found.append(trace)

        async def everything() -> None:
            for arena in self.explorer.arenas:
                await arena.open(len(race.sessions))
            await Search(5000, reduce, mirror).run(race, self.explorer.arenas, seen)

        self.run(everything())
        return found


@contextmanager
def ground_of(
    server: BackgroundServer, target: Path, folder: Path, *, arenas: int = 2
) -> Iterator[Ground]:
    """Yield the ground of a target.toml; ``folder`` is for the race files."""
    ground = Ground(server, folder)
    ground.target = load_target(target)

    async def enter(stack: AsyncExitStack) -> None:
        bench = Workbench(server.server)
        form = await stack.enter_async_context(bench.as_written(ground.target))
        ground.explorer = await stack.enter_async_context(
            bench.explorer(form, seed=1, bounds=Bounds(), arenas=arenas)
        )

    opened = AsyncExitStack()
    try:
        server.run(enter(opened))
        yield ground
    finally:
        server.run(opened.aclose())


def write_target(
    folder: Path,
    sql: str,
    operations: Mapping[str, str] | None = None,
    more: str = "",
    target: str = "",
) -> Path:
    """Write a target called "shop" in the schema "shop"; return its target.toml.

    ``operations`` maps names to what their refusals look like ("" for none).
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shop.sql").write_text(sql)
    lines = [
        '[target]\nname = "shop"\nabout = "A shop"\nsql = ["shop.sql"]\nschemas = ["shop"]',
        target,
    ]
    for name, refused in (operations or {}).items():
        lines.append(f'[operations.{name}]\ncall = "select shop.{name}()"')
        lines.append(f'refused = ["{refused}"]' if refused else "")
    path = folder / "target.toml"
    path.write_text("\n".join([*lines, more]) + "\n")
    return path
