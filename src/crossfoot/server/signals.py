"""SIGTERM and SIGHUP end a run as Ctrl-C does: everything that is open gets closed first."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ENDINGS = [signal.Signals[name] for name in ("SIGTERM", "SIGHUP") if name in dir(signal)]


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Cancel the current task when such a signal comes, then exit with 128 + its number.

    A signal for which somebody else has a handler, or that is ignored (nohup), is left alone.
    """
    came: list[int] = []
    task = asyncio.current_task()
    assert task

    def end(number: int) -> None:
        came.append(number)
        # A second one ends us at once; the watchdog and the next run's sweep do the rest.
        asyncio.get_running_loop().remove_signal_handler(number)
        task.cancel()

    ours = [number for number in _ENDINGS if _handle(number, end)]
    try:
        yield
    except asyncio.CancelledError:
        if not came:
            raise
        # asyncio would log the exit as an exception that nobody fetched.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        raise SystemExit(128 + came[0]) from None
    finally:
        for number in ours:
            asyncio.get_running_loop().remove_signal_handler(number)


def _handle(number: signal.Signals, end: Callable[[int], None]) -> bool:
    if signal.getsignal(number) is not signal.SIG_DFL:
        return False
    with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):  # not the main thread
        asyncio.get_running_loop().add_signal_handler(number, end, number)
        return True
    return False
