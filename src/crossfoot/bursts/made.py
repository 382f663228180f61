"""A burst that a test of application code asks for, instead of one that stands in a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import asyncpg

from crossfoot.bursts.arguments import arguments_in
from crossfoot.bursts.burst import FEWEST, MOST, Burst, BurstCall, Section
from crossfoot.bursts.expect import read_expectations
from crossfoot.bursts.programs import Program
from crossfoot.errors import ContentError
from crossfoot.headers import Header
from crossfoot.results import Property
from crossfoot.scenario import ScenarioFile
from crossfoot.sql import bind, statements
from crossfoot.target import Target
from crossfoot.verdicts import Severity

Code = Callable[[asyncpg.Connection], Awaitable[object]]
_NAME = "burst"


def make_burst(
    call: str | Code,
    target: Target,
    *,
    callers: int,
    setup: str = "",
    values: Mapping[str, str] | None = None,
    each: Mapping[str, str] | None = None,
    operation: str = "",
    refused: tuple[type[Exception], ...] = (),
    expect: Sequence[str] = (),
    isolation: str = "read committed",
) -> Burst:
    """Return the burst of a call: one select, or a coroutine function that is handed a connection.

    ``values`` are names with types (uuid, bigint, integer, text) that setup and call speak of as
    ``:name``; those of ``each`` are drawn for each caller. ``operation`` says whose refusals are
    business answers; a call that is written as an operation's is found to be its. Raises
    ContentError.
    """
    types = {"setup": dict(values or {}), "entity": {}, "caller": dict(each or {})}
    known = types["setup"] | types["caller"]
    if operation and operation not in target.operations:
        raise ContentError(
            f"{_NAME}: no operation {operation!r}",
            remedy=f"Operations of {target.name}: {', '.join(target.operations)}.",
        )
    if not FEWEST <= callers <= MOST:
        raise ContentError(f"{_NAME}: {callers} callers", remedy=f"It takes {FEWEST} to {MOST}.")
    program: Program | None = None
    made: list[BurstCall] = []
    if isinstance(call, str):
        made = [_call(call, known, operation, target)]
        operation = made[0].operation
    else:
        name = operation or getattr(call, "__name__", _NAME)
        program = Program(name, call, target.operations.get(operation), refused)
    source = ScenarioFile(
        _NAME, _NAME, Header(_NAME, {"expect": list(expect)}, "", {"expect": 1}), {}, []
    )
    return Burst(
        name=_NAME,
        title=f"{callers} callers at once",
        file=_NAME,
        about="",
        severity=Severity.CRITICAL,
        properties=(Property.SERIAL,),
        detects=(),
        isolation=isolation,
        callers=callers,
        spread=1,
        types=types,
        sections=(Section("setup", tuple(statements(setup)), 1),) if setup else (),
        calls=tuple(made),
        questions=(),
        expectations=read_expectations(source, [program.name if program else operation]),
        program=program,
    )


def _call(text: str, known: Mapping[str, str], operation: str, target: Target) -> BurstCall:
    found = statements(text)
    if len(found) != 1 or found[0].text.split()[0].lower() != "select":
        raise ContentError(
            f"{_NAME}: a caller sends one select",
            remedy="For anything else give a coroutine function that is handed a connection.",
        )
    text = found[0].text
    names = [operation] if operation else list(target.operations)
    fits = {
        name: arguments
        for name in names
        if (arguments := arguments_in(text, target.operations[name].call))
    }
    name = next(iter(fits), operation)
    return BurstCall(name, bind(text, known), text, 1, 1, fits.get(name, {}))
