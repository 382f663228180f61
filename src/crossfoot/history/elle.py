"""A history in the form that Elle's command line (elle-cli) reads: lists that are appended to.

A list is an account, and what is appended to it is a request: a number for each. In the end one reader
reads every list, in the order of the ledger. So Elle learns the order of the effects, and whether it
agrees with the times. reports/HISTORY.md has the command.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count
from pathlib import Path

from crossfoot.errors import ContentError
from crossfoot.history.clocks import View, Window, on_server, own_times, window
from crossfoot.history.ledger import Account, Ledger
from crossfoot.history.matching import ALWAYS, Request, begin, match
from crossfoot.history.moves import Called

_FORMS = (".edn", ".json")


@dataclass(frozen=True)
class _Append:
    """One request: which number goes to which list, when, and how it ended."""

    account: int
    element: int
    window: Window
    type: str


def write_elle(path: Path, called: Called, ledger: Ledger) -> None:
    """Write the history to ``path``: EDN or JSON, by its ending. Raises ContentError for another."""
    if path.suffix not in _FORMS:
        raise ContentError(f"{path}: Elle reads .edn or .json")
    appends, lists = _collect(called, ledger)
    as_json = path.suffix == ".json"
    operations = _operations(appends, lists)
    with path.open("w", encoding="utf-8") as file:
        if as_json:
            file.write("[")
        for index, (process, type_, micro) in enumerate(operations):
            if as_json:
                file.write((",\n " if index else "") + _json(index, process, type_, micro))
            else:
                file.write(_edn(index, process, type_, micro) + "\n")
        if as_json:
            file.write("]\n")


_Micro = list[tuple[str, int, int | list[int] | None]]


def _collect(called: Called, ledger: Ledger) -> tuple[list[_Append], dict[int, list[int]]]:
    """Return what was appended, and each list as it was in the end."""
    clocks = {move.clock for moves in called.by_account.values() for move in moves}
    view = own_times if len(clocks) == 1 else on_server
    numbers = count(1)
    appends: list[_Append] = []
    lists: dict[int, list[int]] = {}
    names = sorted({*called.by_account, *ledger.accounts})
    for list_, name in enumerate(names, start=1):
        account = ledger.accounts.get(name, Account())
        found = match(name, called.by_account.get(name, []), account, marked=ledger.opening)
        elements: dict[int, int] = {}
        for request in found.requests:
            elements[id(request)] = number = next(numbers)
            appends.append(_Append(list_, number, *_ended(request, view)))
        lists[list_] = []
        for left in found.asked:
            if left is None:
                # It was there before, or came from nowhere: as if somebody had appended it at first.
                number = next(numbers)
                appends.append(_Append(list_, number, (-ALWAYS, -ALWAYS), "ok"))
            else:
                number = elements[id(left)]
            lists[list_].append(number)
    return appends, lists


def _ended(request: Request, view: View) -> tuple[Window, str]:
    if request.acknowledged:
        return window(request, view), "ok"
    if request.possible:
        return window(request, view), "info"
    start, end = begin(request), max(move.end for move in request.moves)
    return (start, end), "fail"


def _operations(
    appends: Sequence[_Append], lists: dict[int, list[int]]
) -> Iterator[tuple[int, str, _Micro]]:
    """Yield invocations and completions by time: (process, type, micro-operations).

    A process does one thing at a time, and one that was never answered does nothing any more.
    """
    events: list[tuple[float, int, int]] = []
    for i, append in enumerate(appends):
        events.append((append.window[0], 0, i))
        events.append((append.window[1], 1, i))
    events.sort()
    free: list[int] = []
    heapify(free)
    fresh = count()
    running: dict[int, int] = {}
    for _, over, i in events:
        append = appends[i]
        micro: _Micro = [("append", append.account, append.element)]
        if not over:
            running[i] = heappop(free) if free else next(fresh)
            yield running[i], "invoke", micro
        else:
            process = running.pop(i)
            yield process, append.type, micro
            if append.type != "info":
                heappush(free, process)
    reader = next(fresh)
    yield reader, "invoke", [("r", list_, None) for list_ in lists]
    yield reader, "ok", [("r", list_, elements) for list_, elements in lists.items()]


def _edn(index: int, process: int, type_: str, micro: _Micro) -> str:
    def value(of: int | list[int] | None) -> str:
        if of is None:
            return "nil"
        return f"[{' '.join(map(str, of))}]" if isinstance(of, list) else str(of)

    said = " ".join(f"[:{name} {list_} {value(of)}]" for name, list_, of in micro)
    return f"{{:index {index} :process {process} :type :{type_} :f :txn :value [{said}]}}"


def _json(index: int, process: int, type_: str, micro: _Micro) -> str:
    return json.dumps(
        {"index": index, "process": process, "type": type_, "f": "txn", "value": micro},
        separators=(",", ":"),
    )
