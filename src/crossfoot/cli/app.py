"""The commands, their options, and what their exit codes mean."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from crossfoot import __version__
from crossfoot.cli import work
from crossfoot.cli.compare import compare
from crossfoot.cli.exits import guard as _guard
from crossfoot.cli.exits import stop as _stop
from crossfoot.cli.options import (
    OUT,
    AsJson,
    Audited,
    Dsn,
    Keep,
    Level,
    LoadScenario,
    LoadTarget,
    Out,
    Prepare,
    Processes,
    RunTime,
    Schedules,
    Seed,
    ServicePort,
    SpawnRate,
    TargetOption,
    Targets,
    Unmasked,
    UserClasses,
    Users,
)
from crossfoot.cli.show import Screen
from crossfoot.explorer.race import LEVELS
from crossfoot.generated import Making
from crossfoot.loop import new_event_loop
from crossfoot.mutate.mutate import Choice
from crossfoot.report import FORMATS, load_run, render
from crossfoot.results import Run
from crossfoot.stages import Plan

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
    isolation: Level = "",
    keep: Keep = False,
    out: Out = OUT,
) -> None:
    """Run every stage on the targets (lints, contracts, audits, bursts, races) and write the report."""
    plan = Plan(seed, schedules, isolation=_level(isolation))
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
    unmasked: Unmasked = False,
    first: Annotated[
        bool, typer.Option("--first", help="Stop each race at its first counterexample.")
    ] = False,
    pairs: Annotated[
        bool,
        typer.Option(
            "--pairs",
            help="Make races of every two operations, and of three, from target.toml's fixtures.",
        ),
    ] = False,
    programs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Draw N programs of a few calls per session, from target.toml's fixtures and the seed.",
        ),
    ] = None,
    isolation: Level = "",
    dsn: Dsn = None,
    as_json: AsJson = False,
    seed: Seed = 1,
    schedules: Schedules = 1000,
    keep: Keep = False,
    out: Out = OUT,
) -> None:
    """Explore the interleavings of some races; draw what breaks."""
    plan = Plan(seed, schedules, first=first, isolation=_level(isolation))
    job = work.Job(_command(), Screen(quiet=as_json, draw=True), plan, dsn, keep, out)
    if programs and races:
        _stop("--programs draws races of its own: it goes without names of races")
    making = Making(out, pairs, programs or 0) if pairs or programs else None
    found = work.race(job, target, races or [], variant, unmasked=unmasked, making=making)
    _finish(_await(found), as_json)


@app.command(
    epilog="Example: [bold]crossfoot burst lead_marketplace --only '100_*' --callers 300[/]"
)
def burst(
    targets: Targets = None,
    callers: Annotated[
        int | None,
        typer.Option(help="So many callers (2 to 500) instead of what the files say."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only bursts of this name (a glob); may be repeated.")
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="Send them at this broken variant of the first target.")
    ] = None,
    unmasked: Unmasked = False,
    dsn: Dsn = None,
    as_json: AsJson = False,
    seed: Seed = 1,
    keep: Keep = False,
    out: Out = OUT,
) -> None:
    """Let many callers go at one instant; count how their calls end, and audit the books."""
    job = work.Job(_command(), Screen(quiet=as_json), Plan(seed), dsn, keep, out)
    found = work.burst(job, targets or [], only or [], callers, variant, unmasked=unmasked)
    _finish(_await(found), as_json)


@app.command(epilog="Example: [bold]crossfoot load lead_marketplace --users 200 --run-time 60s[/]")
def load(
    target: LoadTarget = None,
    scenario: LoadScenario = None,
    users: Users = 50,
    spawn_rate: SpawnRate = None,
    run_time: RunTime = "60s",
    processes: Processes = 1,
    user_class: UserClasses = None,
    variant: Annotated[
        str | None, typer.Option(help="Load this broken variant instead of the target as written.")
    ] = None,
    unmasked: Unmasked = False,
    prepare: Prepare = False,
    port: ServicePort = 0,
    dsn: Dsn = None,
    as_json: AsJson = False,
    seed: Seed = 1,
    keep: Keep = False,
    out: Out = OUT,
) -> None:
    """Let Locust's users work on a target for a while; audit the books meanwhile and afterwards."""
    from crossfoot.cli import load as loads

    asked = loads.Request(
        target, scenario, users, spawn_rate, run_time, processes, tuple(user_class or ()),
        variant, unmasked, prepare, port,
    )  # fmt: skip
    job = work.Job(_command(), Screen(quiet=as_json), Plan(seed), dsn, keep, out)
    _finish(_await(loads.load(job, asked)), as_json)


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
    out: Out = OUT,
) -> None:
    """Audit the books of an existing database: read-only, in one snapshot."""
    if print_sql:
        typer.echo(work.audit_sql(target))
        return
    job = work.Job(_command(), Screen(quiet=as_json), Plan(), dsn, False, out)
    _finish(_await(work.audit(job, target, timeout)), as_json)


@app.command(epilog="Example: [bold]crossfoot check crossfoot-out/latest/history.ndjson[/]")
def check(
    history: Annotated[
        list[Path],
        typer.Argument(help="A history, several of one run, or a folder with history*.ndjson."),
    ],
    ledger: Annotated[
        Path | None,
        typer.Option(help="The stored ledger; default: ledger.ndjson beside the history."),
    ] = None,
    dsn: Annotated[
        str | None,
        typer.Option(help="Read the ledger from this database instead. It is only read."),
    ] = None,
    target: TargetOption = None,
    elle: Annotated[
        Path | None,
        typer.Option(help="Also write the history for Elle's command line (.edn or .json)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a history against its ledger: what was acknowledged is there, once, and in order."""
    from crossfoot.cli.check import Question
    from crossfoot.cli.check import check as check_history

    question = Question(history, target, ledger, dsn, elle)
    _finish(_await(check_history(question, _command(), Screen(quiet=as_json))), as_json)


app.command(
    epilog="Example: [bold]crossfoot compare crossfoot-out/main crossfoot-out/latest --margin 15[/]"
)(compare)


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
    out: Out = OUT,
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
    out: Out = OUT,
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
    """List targets, operations, races, bursts, contracts, audits, lints and broken variants."""
    shelf = _guard(lambda: work.shelf(targets or []))
    if as_json:
        typer.echo(json.dumps(shelf, indent=2))
    else:
        Screen().shelf(shelf)


def _level(name: str) -> str:
    """Return an isolation level as the engine knows it: underlines, dashes and capitals don't matter."""
    level = " ".join(name.lower().replace("_", " ").replace("-", " ").split())
    if level and level not in LEVELS:
        _stop(f"--isolation: no level {name!r}; there are: {', '.join(LEVELS)}")
    return level


def _command() -> str:
    """Return the command line as it goes into reports, without the password of a DSN."""
    from crossfoot.server import redact

    return redact(" ".join(["crossfoot", *sys.argv[1:]]))


def _await(job: Coroutine[Any, Any, Run]) -> Run:
    def loop() -> Run:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(job)

    return _guard(loop)


def _finish(run: Run, as_json: bool) -> None:
    if as_json:
        typer.echo(render(run, "json"), nl=False)
    raise typer.Exit(run.exit_code)


def main() -> None:
    """Run the command line."""
    app()
