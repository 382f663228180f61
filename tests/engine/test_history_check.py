"""``crossfoot check``: what it says, how it ends, and what it writes for Elle."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from history_ground import World, honest, written
from typer.testing import CliRunner

from crossfoot.cli.app import app
from crossfoot.verdicts import Outcome


def stored(world: World, folder: Path) -> Path:
    """Write history and ledger as a run leaves them."""
    world.check(folder)
    lines = [{"crossfoot_ledger": 1, "target": world.target.name, "opening": True}]
    for name, account in world.ledger.accounts.items():
        lines.append({"account": name, "balance": str(account.balance), "opening": account.opening})
        for entry in account.entries:
            row = msgspec.structs.asdict(entry)
            numbers = {each: str(row[each]) for each in ("amount", "before", "after")}
            lines.append({"account": name, **row, **numbers})
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "ledger.ndjson").write_text(text)
    return folder


def crossfoot(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["check", *map(str, arguments)])
    return result.exit_code, result.output


def charged_though_refused(world: World) -> World:
    i = world.index(Outcome.OK, "reserve")
    world.change(i, outcome=Outcome.REFUSED)
    return world


def test_a_history_is_checked_with_the_ledger_beside_it(tmp_path: Path) -> None:
    code, said = crossfoot(stored(honest(1), tmp_path))
    assert code == 0
    assert re.search(r"^PASS  300 calls in 1 file, against \S+ledger.ndjson, in ", said, re.M)
    assert "answers_follow_the_model" in said


def test_a_contradiction_is_named_and_ends_in_one(tmp_path: Path) -> None:
    code, said = crossfoot(stored(charged_though_refused(honest(1)), tmp_path))
    assert code == 1
    assert re.search(r"fail +history calls_left_what_they_said", said)
    assert re.search(
        r"it ended refused, which has to leave nothing, and the ledger has entry", said
    )


def test_without_a_ledger_nothing_is_known_and_the_remedy_is_said(tmp_path: Path) -> None:
    stored(honest(1), tmp_path)
    (tmp_path / "ledger.ndjson").unlink()
    code, said = crossfoot(tmp_path)
    assert code == 3
    assert "Give --ledger" in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere.ndjson"], "nowhere.ndjson: No such file"),
        (["{}", "--ledger", "nowhere.ndjson"], "nowhere.ndjson: No such file"),
        (["{}", "--ledger", "x", "--dsn", "postgresql://x"], "--ledger or --dsn: one of them"),
        (["{}", "--target", "nobody"], "no target 'nobody'"),
        (["{}", "--target", "lead_marketplace"], "lead_marketplace has no operation"),
        (["{}", "--elle", "history.txt"], "Elle reads .edn or .json"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_two(
    arguments: list[str], complaint: str, tmp_path: Path
) -> None:
    stored(honest(1), tmp_path)
    code, said = crossfoot(*(each.format(tmp_path) for each in arguments))
    assert code == 2
    assert complaint in said


def test_the_json_is_a_run_with_the_same_verdict(tmp_path: Path) -> None:
    code, said = crossfoot(stored(charged_though_refused(honest(1)), tmp_path), "--json")
    run = json.loads(said)
    assert (code, run["exit_code"], run["verdict"]) == (1, 1, "fail")
    (target,) = run["targets"]
    assert {check["kind"] for check in target["checks"]} == {"history"}


def test_elle_gets_every_request_once_and_reads_the_ledgers_order(tmp_path: Path) -> None:
    world = honest(3)
    stored(world, tmp_path)
    assert crossfoot(tmp_path, "--elle", tmp_path / "elle.json")[0] == 0
    operations = json.loads((tmp_path / "elle.json").read_text())
    assert [each["index"] for each in operations] == list(range(len(operations)))
    running: dict[int, object] = {}
    appended: dict[int, str] = {}
    for each in operations:
        if each["type"] == "invoke":
            assert each["process"] not in running
            running[each["process"]] = each["value"]
            continue
        # A process that never got its answer does nothing any more.
        asked = running[each["process"]] if each["type"] == "info" else running.pop(each["process"])
        for (name, account, element), before in zip(each["value"], asked, strict=True):  # type: ignore[call-overload]
            assert [name, account] == before[:2]
            if name == "append":
                assert element not in appended
                appended[element] = each["type"]
    last = operations[-1]["value"]
    lists = [element for _, _, elements in last for element in elements]
    assert len(lists) == world.ledger.entries
    assert {appended[element] for element in lists} <= {"ok", "info"}
    assert set(lists) >= {element for element, kind in appended.items() if kind == "ok"} - {
        element for element, kind in appended.items() if kind != "ok"
    }


def test_elle_gets_the_same_in_edn(tmp_path: Path) -> None:
    stored(honest(3), tmp_path)
    crossfoot(tmp_path, "--elle", tmp_path / "elle.json")
    crossfoot(tmp_path, "--elle", tmp_path / "elle.edn")
    lines = (tmp_path / "elle.edn").read_text().splitlines()
    assert len(lines) == len(json.loads((tmp_path / "elle.json").read_text()))
    form = r"\{:index \d+ :process \d+ :type :(invoke|ok|fail|info) :f :txn :value \[\[:(append|r) .*\]\]\}"
    assert all(re.fullmatch(form, line) for line in lines)


def test_a_history_may_come_from_another_writer(tmp_path: Path) -> None:
    """Defaults left out, members nobody knows, no clock named: it reads the same."""
    world = honest(1)
    stored(world, tmp_path)
    first, *lines = written(
        world.records, "here", closed=True, target=world.target.name
    ).splitlines()
    calls = [{**json.loads(line), "colour": "red"} for line in lines]
    text = "\n".join([first.decode(), *map(json.dumps, calls), ""])
    (tmp_path / "history-0.ndjson").write_text(text)
    assert crossfoot(tmp_path)[0] == 0
