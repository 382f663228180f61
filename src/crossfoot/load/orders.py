"""What a process of Locust is told, by environment variables: where things are, and the seed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

_PREFIX = "CROSSFOOT_LOAD_"


@dataclass(frozen=True)
class Orders:
    """Each field is the variable CROSSFOOT_LOAD_<FIELD>.

    ``dsn`` is the database that direct users call; its user has to be a member of the targets' role.
    ``stripe`` is the URL of the Stripe simulator, ``secret`` signs webhooks. Both may be missing.
    ``out`` is the folder for histories. ``connections`` bounds those of one process. ``attached``
    says that the process has to end when its standard input does.
    """

    dsn: str = ""
    seed: int = 1
    out: str = ""
    stripe: str = ""
    secret: str = ""
    connections: int = 100
    attached: bool = False

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Orders:
        """Return what the environment says. Raises ValueError for a number that is none."""
        given = {
            each.name: environment.get(_PREFIX + each.name.upper(), "") for each in fields(cls)
        }
        return cls(
            dsn=given["dsn"],
            seed=int(given["seed"] or cls.seed),
            out=given["out"],
            stripe=given["stripe"],
            secret=given["secret"],
            connections=int(given["connections"] or cls.connections),
            attached=bool(given["attached"]),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that say this."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            _PREFIX + name.upper(): "1" if value is True else str(value)
            for name, value in said.items()
            if value not in ("", False)
        }
