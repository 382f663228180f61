"""The load scenarios as people run them: by ``crossfoot load``, by Locust alone, on two workers."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crossfoot.history.reading import open_history
from crossfoot.load.tally import Tally
from crossfoot.report import load_run
from crossfoot.results import Check, Kind, Run
from crossfoot.verdicts import Outcome, Verdict

SCENARIOS = Path(__file__).parents[2] / "scenarios" / "load"
FLASH_SALE = SCENARIOS / "lead_marketplace.py"
PATIENCE = 300  # seconds until something that hangs is ended


@pytest.fixture
def place() -> Iterator[Path]:
    """Yield a folder to work in, with a path so short that clusters are made in it too."""
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        Path(folder).chmod(0o755)  # the server may have an account of its own
        yield Path(folder)


def started(
    command: list[str], folder: Path, variables: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    unwanted = ("CROSSFOOT_", "LOCUST_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder, env={**kept, "TMPDIR": str(folder), **(variables or {})}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finished(process: subprocess.Popen[str], code: int) -> str:
    with ending(process):
        said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, said
    return said


def said_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(said)


def load(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return started(["crossfoot", "load", *arguments], folder)


def latest(folder: Path) -> Path:
    return (folder / "crossfoot-out/latest").resolve()


def follow(folder: Path, seen: Callable[[Tally], bool]) -> Tally:
    """Read the histories of a load until this was seen, on however slow a machine."""
    tally, deadline = Tally(folder), time.monotonic() + PATIENCE
    while not seen(tally):
        assert time.monotonic() < deadline, tally.by_target
        time.sleep(0.05)
        tally.read()
    return tally


def load_of(run: Run) -> Check:
    (check,) = [each for each in run.targets[0].checks if each.kind is Kind.LOAD]
    return check


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def clusters(folder: Path) -> list[Path]:
    return list(folder.glob("crossfoot-????????????????"))


def test_a_flash_sale_passes_and_its_report_has_counted_calls_and_audits(place: Path) -> None:
    bought = {"create_lead_purchase", "complete_credit_lead_purchase"}
    answers = {Outcome.OK, Outcome.REFUSED}

    def whole(tally: Tally) -> bool:
        counts = tally.counts("lead_marketplace")
        called = bought <= counts.operations.keys() and answers <= counts.outcomes.keys()
        return called and len(counts.sessions) == 20

    with ending(load(place, "lead_marketplace", "--users", "20", "--run-time", "10m")) as process:
        said_until(process, "seed 1")
        (folder,) = (place / "crossfoot-out").iterdir()
        tally = follow(folder, whole)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
    run = load_run(latest(place))
    check = load_of(run)
    assert check.verdict is Verdict.PASS
    assert check.population["users"] == "20"
    assert check.population["error"] == "0"
    tally.read()
    assert check.population["calls"] == str(tally.counts("lead_marketplace").calls)
    history = open_history([folder])
    operations = {call.operation for _, call in history.calls()}
    assert bought <= operations
    assert history.whole
    audits = [each for each in run.targets[0].checks if each.kind is Kind.AUDIT]
    assert {each.verdict for each in audits} == {Verdict.PASS, Verdict.NOT_APPLICABLE}
    assert clusters(place) == []


def test_a_sale_without_a_lock_is_stopped_and_its_database_kept(place: Path) -> None:
    variant = ("--variant", "lock_split_across_calls", "--unmasked")
    said = finished(
        load(place, "lead_marketplace", "--users", "24", "--run-time", "60s", *variant), 1
    )
    kept = re.search(r"kill (\d+)", said)
    assert kept, said
    try:
        run = load_run(latest(place))
        check = load_of(run)
        assert check.verdict is Verdict.FAIL
        assert "violated audit" in check.population["ended"]
        failed = {each.name for each in run.targets[0].checks if each.verdict is Verdict.FAIL}
        assert {"item_sold_once", "item_sold_by_one_purchase"} <= failed
        psql = next(line for line in said.splitlines() if line.startswith("PGPASSFILE="))
        query = "select max(sold_count) from lead_marketplace.leads"
        found = subprocess.run(
            f"{psql} -Atc '{query}'", shell=True, capture_output=True, text=True, check=True
        )
        assert int(found.stdout) > 1
    finally:
        os.kill(int(kept[1]), signal.SIGTERM)


def test_locust_alone_starts_what_it_needs_and_says_what_the_audits_find(place: Path) -> None:
    command = ["locust", "-f", str(FLASH_SALE), "--headless", "-u", "5", "-r", "5", "-t", "10m"]
    with ending(started(command, place)) as process:
        tally = follow(place, lambda each: bool(each.counts("lead_marketplace").calls))
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, said
    assert re.search(r"lead_marketplace: \d\d audits pass", said)
    tally.read()
    assert tally.counts("lead_marketplace").outcomes[Outcome.ERROR] == 0
    assert clusters(place) == []


def test_two_workers_share_a_load_that_was_prepared_for_them(place: Path) -> None:
    with ending(load(place, "lead_marketplace", "--prepare")) as prepared:
        said = said_until(prepared, "Ctrl-C ends it")
        file = re.search(r"\. (\S+/locust\.env);", said)
        host = re.search(r"--host (\S+)", said)
        assert file and host, said
        lines = (place / file[1]).read_text().splitlines()
        variables = dict(line.replace("'", "").split("=", 1) for line in lines)
        at = ["127.0.0.1", str(free_port())]
        locust = ["locust", "-f", str(FLASH_SALE), "--headless"]
        worker = [*locust, "--worker", "--master-host", at[0], "--master-port", at[1]]
        master = [
            *locust, "--master", "--master-bind-host", at[0], "--master-bind-port", at[1],
            "--expect-workers", "2", "--host", host[1], "-u", "12", "-r", "12", "-t", "10m",
        ]  # fmt: skip
        first, second = (started(worker, place, variables) for _ in range(2))
        with (
            ending(first),
            ending(second),
            ending(started(master, place, variables)) as leading,
        ):
            follow(place, lambda each: len(each.counts("lead_marketplace").sessions) == 12)
            leading.send_signal(signal.SIGINT)
            finished(leading, 0)
            finished(first, 0)
            finished(second, 0)
        prepared.send_signal(signal.SIGINT)
        said, _ = prepared.communicate(timeout=PATIENCE)
        assert prepared.returncode in {0, 3}, said  # 3: no two calls of one account overlapped
    tally = Tally(latest(place))
    tally.read()
    counts = tally.counts("lead_marketplace")
    assert {session[:2] for session in counts.sessions} == {"w0", "w1"}
    assert len(counts.sessions) == 12
    assert load_of(load_run(latest(place))).verdict is Verdict.PASS
    assert clusters(place) == []


def test_a_mixed_day_on_two_processes_audits_every_system(place: Path) -> None:
    mixed = ("--scenario", "mixed_day", "--users", "30", "--run-time", "10m", "--processes", "2")

    def every_one_used(tally: Tally) -> bool:
        counts = tally.by_target.values()
        return len(counts) == 5 and all(each.outcomes[Outcome.OK] for each in counts)

    with ending(load(place, *mixed)) as process:
        said_until(process, "seed 1")
        follow(place, every_one_used)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode in {0, 3}, said  # 3: no two calls of one account overlapped
    targets = load_run(latest(place)).targets
    assert len(targets) == 5
    for target in targets:
        audits = {each.verdict for each in target.checks if each.kind is Kind.AUDIT}
        assert audits == {Verdict.PASS, Verdict.NOT_APPLICABLE}, target.name
        (check,) = [each for each in target.checks if each.kind is Kind.LOAD]
        assert check.verdict is Verdict.PASS
        assert (latest(place) / target.name / "ledger.ndjson").is_file()


def test_an_interrupt_ends_a_load_with_a_report_and_leaves_nothing(place: Path) -> None:
    with ending(load(place, "credit_purchase", "--users", "6", "--run-time", "10m")) as process:
        said_until(process, "seed 1")
        assert len(clusters(place)) == 1
        (folder,) = (place / "crossfoot-out").iterdir()
        follow(folder, lambda each: each.counts("credit_purchase").calls >= 100)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode in {0, 3}, said
    check = load_of(load_run(folder))
    assert check.verdict is Verdict.PASS
    assert "interrupted after" in check.population["ended"]
    assert open_history([folder]).files[0].head.calls >= 0
    assert clusters(place) == []
    assert running_in(folder) == []


def test_a_command_that_is_killed_leaves_no_locust_behind(place: Path) -> None:
    arguments = ("credit_purchase", "--users", "4", "--run-time", "10m", "--processes", "2")
    with ending(load(place, *arguments)) as process:
        said_until(process, "seed 1")
        (folder,) = (place / "crossfoot-out").iterdir()
        deadline = time.monotonic() + PATIENCE
        while not list(folder.glob("*-0.ndjson")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert running_in(folder)
        process.kill()
        while running_in(folder) or clusters(place):
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_what_locust_refuses_is_one_line_and_where_to_look(place: Path) -> None:
    said = finished(load(place, "lead_marketplace", "--user-class", "Nobody"), 2)
    assert "Locust ended with exit code 1: " in said
    assert "Unknown User(s): Nobody" in said
    assert "locust.log has the rest." in said
    assert clusters(place) == []


def running_in(folder: Path) -> list[str]:
    """Return the processes whose histories go into a folder."""
    found = []
    wanted = f"CROSSFOOT_LOAD_OUT={folder.resolve()}".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in environment.read_bytes():
                found.append(environment.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.py")), ids=lambda file: file.stem)
def test_locust_finds_every_task_that_a_locustfile_has(place: Path, file: Path) -> None:
    ratios = ["locust", "-f", str(file), "--show-task-ratio", "--users", "10"]
    said = finished(started(ratios, place), 0)
    found = set(re.findall(r"^ +[\d.]+ +(\w+)", said, re.M))
    written = re.findall(r"@task.*\n +def (\w+)", file.read_text(encoding="utf-8"))
    assert set(written) <= found, said


def test_every_system_has_a_locustfile_with_both_kinds_of_user(place: Path) -> None:
    for system in ("credit_purchase", "license_billing", "peer_booking", "stripe_idempotency"):
        said = finished(
            started(["locust", "-f", str(SCENARIOS / f"{system}.py"), "--list"], place), 0
        )
        users = {line.strip() for line in said.splitlines() if line.startswith(" ")}
        assert {re.sub(".*(InDatabase|OverHttp)", r"\1", user) for user in users} == {
            "InDatabase",
            "OverHttp",
        }
