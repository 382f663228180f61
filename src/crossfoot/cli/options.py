"""The options that commands share, and those that would make a command long."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossfoot.explorer.race import LEVELS

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        help="Names of targets, or paths of a target.toml. None means all.", show_default=False
    ),
]
TargetOption = Annotated[
    str | None,
    typer.Option("--target", "-t", help="The target's name, or the path of its target.toml."),
]
Dsn = Annotated[
    str | None,
    typer.Option(
        envvar="CROSSFOOT_DSN",
        help="Use this PostgreSQL instead of the embedded one. Crossfoot works only in databases that it"
        " creates there itself.",
        show_envvar=True,
    ),
]
Audited = Annotated[
    str | None,
    typer.Option(
        envvar="CROSSFOOT_DSN",
        help="The database to audit. It is only read.",
        show_envvar=True,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the whole result as one JSON document.")
]
Seed = Annotated[int, typer.Option(help="Seed of every drawn value.")]
Schedules = Annotated[
    int, typer.Option(min=1, help="At most so many schedules per race, fewest preemptions first.")
]
Level = Annotated[
    str,
    typer.Option(
        "--isolation",
        help=f"Run all races at this level instead of their own: {', '.join(LEVELS)}.",
    ),
]
Unmasked = Annotated[
    bool, typer.Option("--unmasked", help="The variant without the constraint behind it.")
]
Keep = Annotated[
    bool, typer.Option("--keep", help="Leave the embedded server up, and say how to look.")
]
Out = Annotated[Path, typer.Option(help="The folder that a folder per run is written to.")]

OUT = Path("crossfoot-out")

# Of ``crossfoot load``.
LoadTarget = Annotated[str | None, typer.Argument(help="A target, or the path of its target.toml.")]
LoadScenario = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        help="A locustfile of scenarios/load, or a path; default: the target's. Without a target it"
        " is for all of them (mixed_day).",
    ),
]
Users = Annotated[int, typer.Option("--users", "-u", min=1, help="So many users at once.")]
SpawnRate = Annotated[
    float | None,
    typer.Option("--spawn-rate", "-r", min=0.01, help="Users per second; default: all in one."),
]
RunTime = Annotated[str, typer.Option("--run-time", help="How long: 90s, 5m, 1h30m.")]
Processes = Annotated[
    int, typer.Option(min=1, max=64, help="Processes of Locust that users are spread over.")
]
UserClasses = Annotated[
    list[str] | None,
    typer.Option(
        "--user-class", help="Only users of this class of the locustfile; may be repeated."
    ),
]
Prepare = Annotated[
    bool, typer.Option("--prepare", help="Start everything but Locust, and say how to start that.")
]
ServicePort = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="The service's; 0 takes a free one.")
]
