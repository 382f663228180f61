"""Who may give up waiting for a lock by itself, because a timeout of its own runs out.

Nothing runs out by accident: a step puts a lock_timeout off for good (steps.sql). That it runs out
as soon as the session waits is a choice of its own; other timeouts aren't tried.
"""

from __future__ import annotations

from collections.abc import Sequence

from crossfoot.explorer.client import Client, Place
from crossfoot.explorer.instrumented import LOCK_TIMEOUT, TIMEOUT, Instrumented
from crossfoot.explorer.race import Race


def sets_lock_timeout(race: Race) -> bool:
    """Say whether one of the race's own statements sets a lock_timeout."""
    return any(LOCK_TIMEOUT.search(call.query.text) for call in race.calls)


def sets_other_timeout(race: Race, instrumented: Instrumented) -> bool:
    """Say whether the race's statements or the functions set a timeout that isn't tried."""
    return instrumented.timed or any(TIMEOUT.search(call.query.text) for call in race.calls)


def one_has_a_timeout(clients: Sequence[Client]) -> bool:
    """Say whether one of those who wait has a lock_timeout, and so won't wait for ever."""
    return any(client.place is Place.WAITING and client.timeout for client in clients)
