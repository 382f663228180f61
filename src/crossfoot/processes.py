"""Work that is shared among processes of our own: what a loop over many equal things takes long for."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def processors() -> int:
    """Return how many processes can work at the same time here; 1 where a fork isn't safe."""
    alone = sys.platform == "linux" and threading.active_count() == 1
    return len(os.sched_getaffinity(0)) if alone else 1


def in_processes(work: Callable[[Sequence[T]], R], shares: Sequence[Sequence[T]]) -> list[R]:
    """Return what the work makes of each share, each but the first in a process of its own.

    They are forks: what the work has to know isn't copied, and only what it returns is sent. Raises
    RuntimeError with the traceback of one that failed.
    """
    context = multiprocessing.get_context("fork")
    started = []
    for share in shares[1:]:
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_send, args=(work, share, there), daemon=True)
        process.start()
        there.close()
        started.append((process, here))
    try:
        results = [work(share) for share in shares[:1]]
        results += [_receive(here) for _, here in started]
    finally:
        for process, here in started:
            process.kill()  # it has our handlers of other signals, and would tell us of them
            process.join()
            here.close()
    return results


def _send(work: Callable[[Sequence[T]], R], share: Sequence[T], there: Connection) -> None:
    try:
        there.send((work(share), ""))
    except Exception:
        there.send((None, traceback.format_exc()))


def _receive(here: Connection) -> Any:
    try:
        result, failed = here.recv()
    except EOFError:
        result, failed = None, "a process was ended from outside; was there enough memory?"
    if failed:
        raise RuntimeError(failed)
    return result
