"""What the clients of all systems share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import asyncpg

from clients.retry import Caller, Key, Refused


class Client:
    """A caller, and how messages of refusals are named.

    ``refusals`` maps the beginning of each documented message to a reason. A P0001 that isn't in it
    is no refusal but a mistake, and is raised as it is. An argument that doesn't fit its type, such
    as a number beyond an integer's range, is a ValueError before anything is sent.
    """

    refusals: ClassVar[Mapping[str, str]] = {}

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def _call(self, statement: str, *arguments: object, key: Key | None) -> Any:
        """Return the first row. Raises Refused, Busy and OutcomeUnknown."""
        try:
            return await self._caller.call(statement, *arguments, key=key)
        except asyncpg.RaiseError as error:
            refusal = self._refusal(str(error))
            if refusal is None:
                raise
            raise refusal from error

    def _refusal(self, message: str) -> Refused | None:
        found = (self.refusals[start] for start in self.refusals if message.startswith(start))
        return next((Refused(reason, message) for reason in found), None)
