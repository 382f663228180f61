"""What is known about when a call ran, on one clock at a time.

Times of two machines don't compare. Where the server's clock was read inside the calls, every call can be
put on that one clock: it began no earlier than its whole duration before ``server_end``, and ended no
later than its whole duration after ``server_start``. That needs no assumption about how two clocks differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crossfoot.history.matching import ALWAYS, Request
from crossfoot.history.moves import Move
from crossfoot.history.record import CallRecord
from crossfoot.verdicts import Outcome

Window = tuple[float, float]
View = Callable[[Move], Window]

NOTHING: Window = (-ALWAYS, ALWAYS)
SERVER = -1
_TICK = 1000  # nanoseconds; the server's times are whole microseconds


def own_times(move: Move | CallRecord) -> Window:
    """Return when a call ran, on its machine's clock. Without an answer it may still be running."""
    return move.start, (move.end or ALWAYS) if move.outcome is not Outcome.UNKNOWN else ALWAYS


def on_clock(clock: int) -> View:
    """Return a view that knows the calls of one machine and nothing of the others."""
    return lambda move: own_times(move) if move.clock == clock else NOTHING


def on_server(move: Move | CallRecord) -> Window:
    """Return between which times of the server's clock a call ran, as nanoseconds."""
    if not move.end or not move.server_start or not move.server_end:
        return NOTHING
    took = move.end - move.start
    began = move.server_end * _TICK - took
    ended = (move.server_start + 1) * _TICK + took
    return began, ALWAYS if move.outcome is Outcome.UNKNOWN else ended


def views(moves: Sequence[Move]) -> list[tuple[int, View]]:
    """Return every clock on which something can be said about these calls, with its view."""
    clocks = {move.clock for move in moves}
    if len(clocks) == 1:
        return [(clocks.pop(), own_times)]
    return [(SERVER, on_server), *((clock, on_clock(clock)) for clock in sorted(clocks))]


def window(request: Request | None, view: View) -> Window:
    """Return between which times a request had its effect, if it had one.

    Not before the first call that may have caused it began, and not after the first that was told of
    it ended.
    """
    if request is None or request.odd:
        return NOTHING
    if len(request.moves) == 1:
        return view(request.moves[0])
    begin = min((view(move)[0] for move in request.possible), default=-ALWAYS)
    return begin, min((view(move)[1] for move in request.acknowledged), default=ALWAYS)
