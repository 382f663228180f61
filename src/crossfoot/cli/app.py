"""The commands, their options, and what their exit codes mean."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from crossfoot import __version__
from crossfoot.cli import work
from crossfoot.cli.show import Screen
from crossfoot.errors import CrossfootError
from crossfoot.loop import new_event_loop
from crossfoot.mutate.mutate import Choice
from crossfoot.report import FORMATS, load_run, render
from crossfoot.results import Run
from crossfoot.stages import Plan

T = TypeVar("T")

ERROR = 2
INTERRUPTED = 130

app = typer.Typer(
    name="crossfoot",
    help="Stress-test and audit credit functions in PostgreSQL.",
    epilog="Exit codes: 0 pass, 1 fail, 2 error (usage, database), 3 unknown.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

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
Keep = Annotated[
    bool, typer.Option("--keep", help="Leave the embedded server up, and say how to look.")
]
Out = Annotated[Path, typer.Option(help="The folder that a folder per run is written to.")]

_OUT = Path("crossfoot-out")


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"crossfoot {__version__}")
        raise typer.Exit


@app.command(epilog="Example: [bold]crossfoot run lead_marketplace --schedules 5000[/]")
def run(
    targets: Targets = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
    seed: Seed = 1,
    schedules: Schedules = 1000,
    prove: Annotated[bool, typer.Option("--prove", help="Run the broken variants too.")] = False,
    keep: Keep = False,
    out: Out = _OUT,
) -> None:
    """Run every stage on the targets (lints, contracts, audits, races) and write the report."""
    plan = Plan(seed, schedules)
    job = work.Job(_command(), Screen(quiet=as_json), plan, dsn, keep, out)
    _finish(_await(work.run(job, targets or [], prove=prove)), as_json)


@app.command(
    epilog="Example: [bold]crossfoot race two_buyers_one_lead --target lead_marketplace[/]"
)
def race(
    races: Annotated[
        list[str] | None,
        typer.Argument(help="Names of races (globs). None means all.", show_default=False),
    ] = None,
    target: TargetOption = None,
    variant: Annotated[
        str | None,
        typer.Option(help="Explore this broken variant instead of the target as written."),
    ] = None,
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help="The variant without the constraint behind it.")
    ] = False,
    first: Annotated[
        bool, typer.Option("--first", help="Stop each race at its first counterexample.")
    ] = False,
    pairs: Annotated[
        bool,
        typer.Option(
            "--pairs", help="Make races of every two operations, from target.toml's fixtures."
        ),
    ] = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
    seed: Seed = 1,
    schedules: Schedules = 1000,
    keep: Keep = False,
    out: Out = _OUT,
) -> None:
    """Explore the interleavings of some races; draw what breaks."""
    plan = Plan(seed, schedules, first=first)
    job = work.Job(_command(), Screen(quiet=as_json, draw=True), plan, dsn, keep, out)
    found = work.race(job, target, races or [], variant, unmasked=unmasked, pairs=pairs)
    _finish(_await(found), as_json)


@app.command(
    epilog="Example: [bold]crossfoot audit --target lead_marketplace --dsn postgresql://auditor@db/app[/]"
)
def audit(
    target: TargetOption = None,
    dsn: Audited = None,
    print_sql: Annotated[
        bool, typer.Option("--print", help="Print the SQL of each audit, and run nothing.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds that one audit may take.")
    ] = 60.0,
    as_json: AsJson = False,
    out: Out = _OUT,
) -> None:
    """Audit the books of an existing database: read-only, in one snapshot."""
    if print_sql:
        typer.echo(work.audit_sql(target))
        return
    job = work.Job(_command(), Screen(quiet=as_json), Plan(), dsn, False, out)
    _finish(_await(work.audit(job, target, timeout)), as_json)


@app.command(epilog="Example: [bold]crossfoot prove lead_marketplace[/]")
def prove(
    targets: Targets = None,
    variant: Annotated[
        list[str] | None, typer.Option(help="Only this broken variant; may be repeated.")
    ] = None,
    mutate: Annotated[
        bool, typer.Option("--mutate", help="Take each guard away instead, one at a time.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only guards of this name (a glob); may be repeated. With --mutate."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many guards. With --mutate.")
    ] = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
    seed: Seed = 1,
    schedules: Schedules = 1000,
    out: Out = _OUT,
) -> None:
    """Put each known mistake in, one at a time: which checks catch it? (kill matrix)"""
    job = work.Job(_command(), Screen(quiet=as_json), Plan(seed, schedules), dsn, False, out)
    if mutate and variant:
        _stop("--variant is a mistake that somebody wrote, --mutate takes guards away: one of them")
    if (only or limit) and not mutate:
        _stop("--only and --limit choose guards: they go with --mutate")
    if mutate:
        _finish(_await(work.mutate(job, targets or [], Choice(only or (), limit))), as_json)
    _finish(_await(work.prove(job, targets or [], variant or [])), as_json)


@app.command(
    epilog="Example: [bold]crossfoot replay cf1-lead_marketplace-two_buyers_one_lead-1-ab4[/]"
)
def replay(
    token: Annotated[str, typer.Argument(help="The token of a finding.")],
    target: TargetOption = None,
    dsn: Dsn = None,
    as_json: AsJson = False,
    keep: Keep = False,
    out: Out = _OUT,
) -> None:
    """Run the schedule of a finding again, step by step."""
    job = work.Job(_command(), Screen(quiet=as_json, draw=True), Plan(), dsn, keep, out)
    _finish(_await(work.replay(job, token, target)), as_json)


@app.command(epilog="Example: [bold]crossfoot report crossfoot-out/latest --format markdown[/]")
def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run, or its report.json.")],
    format: Annotated[
        str, typer.Option("--format", "-f", help=f"One of: {', '.join(FORMATS)}.")
    ] = "markdown",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Render a finished run again."""

    def rendered() -> str:
        return render(load_run(run), "json" if as_json else format)

    text = _guard(rendered)
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        typer.echo(text, nl=False)


@app.command(epilog="Example: [bold]crossfoot serve --port 8000[/]")
def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 takes a free one.")
    ] = 8000,
    dsn: Dsn = None,
) -> None:
    """Run the reference service over all systems, to try it out with curl."""
    from crossfoot.cli.serve import serve as run_service

    _guard(lambda: run_service(dsn, port))


@app.command("list", epilog="Example: [bold]crossfoot list lead_marketplace[/]")
def list_(targets: Targets = None, as_json: AsJson = False) -> None:
    """List targets, operations, races, contracts, audits, lints and broken variants."""
    shelf = _guard(lambda: work.shelf(targets or []))
    if as_json:
        typer.echo(json.dumps(shelf, indent=2))
    else:
        Screen().shelf(shelf)


def _command() -> str:
    """Return the command line as it goes into reports, without the password of a DSN."""
    from crossfoot.server import redact

    return redact(" ".join(["crossfoot", *sys.argv[1:]]))


def _await(job: Coroutine[Any, Any, Run]) -> Run:
    def loop() -> Run:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(job)

    return _guard(loop)


def _guard(job: Callable[[], T]) -> T:
    try:
        return job()
    except CrossfootError as error:
        _stop(str(error))
    except KeyboardInterrupt:
        typer.echo("crossfoot: interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _stop(message: str) -> NoReturn:
    typer.echo(f"crossfoot: {message}", err=True)
    raise typer.Exit(ERROR) from None


def _finish(run: Run, as_json: bool) -> None:
    if as_json:
        typer.echo(render(run, "json"), nl=False)
    raise typer.Exit(run.exit_code)


def main() -> None:
    """Run the command line."""
    app()
