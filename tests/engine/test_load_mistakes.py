"""What a user of ``crossfoot load`` can put right is one line and a remedy."""

from __future__ import annotations

import importlib.util
import socket
from importlib.machinery import ModuleSpec

import pytest
from typer.testing import CliRunner

from crossfoot.cli.app import app
from crossfoot.serving import HOST


def told(*arguments: str) -> list[str]:
    result = CliRunner().invoke(app, ["load", *arguments])
    assert result.exit_code == 2, result.output
    lines = [line for line in result.output.splitlines() if line != "starting PostgreSQL"]
    assert len(lines) <= 2
    return lines


def test_an_unknown_scenario_is_told_which_there_are() -> None:
    said = told("lead_marketplace", "--scenario", "rush_hour")
    assert said == [
        "crossfoot: no load scenario 'rush_hour'",
        "  There are: credit_purchase, lead_marketplace, license_billing, mixed_day, peer_booking,"
        " stripe_idempotency.",
    ]


def test_an_unknown_target_is_told_which_there_are() -> None:
    assert told("lead_market")[0] == "crossfoot: no target 'lead_market'"


def test_a_load_of_nothing_is_asked_what_of() -> None:
    assert told()[0] == "crossfoot: load what?"


@pytest.mark.parametrize("time", ["soon", "", "10x", "1s5m"])
def test_a_run_time_that_is_none_is_told_how_to_say_it(time: str) -> None:
    assert told("lead_marketplace", "--run-time", time) == [
        f"crossfoot: --run-time {time!r} is no time",
        "  Say 90s, 5m or 1h30m.",
    ]


def test_an_unknown_variant_is_told_which_there_are() -> None:
    said = told("lead_marketplace", "--variant", "sells_everything")
    assert said[0] == "crossfoot: lead_marketplace has no broken variant 'sells_everything'"


def test_a_variant_of_all_targets_at_once_is_none() -> None:
    said = told("--scenario", "mixed_day", "--variant", "lock_split_across_calls")
    assert said[0] == "crossfoot: --variant is a mistake of one target"


def test_without_locust_the_remedy_is_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec

    def hidden(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "locust" else there(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", hidden)
    assert told("lead_marketplace") == [
        "crossfoot: load needs packages that aren't installed: locust",
        "  pip install 'crossfoot[load]'",
    ]


def test_a_port_in_use_is_told_to_be_another() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        said = told("lead_marketplace", "--port", str(port))
    assert said == [
        f"crossfoot: {HOST}:{port} can't be listened on: Address already in use",
        "  Give another --port; 0 takes a free one.",
    ]
