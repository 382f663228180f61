"""Rules of style that a machine can hold."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from crossfoot.bursts.burst import load_burst
from crossfoot.checks.audits import load_audit
from crossfoot.checks.contracts import load_contract
from crossfoot.checks.lints import load_lint
from crossfoot.content import Content
from crossfoot.explorer.race import load_race
from crossfoot.target import load_target
from crossfoot.variant import load_variants

ROOT = Path(__file__).parents[2]
CONTENT = Content(ROOT)

LAYOUT = {
    "": {"audits", "bench", "reference_impl", "reports", "scenarios", "src", "tests"},
    "audits": {"lints"},
    "scenarios": {"bursts", "contracts", "load", "races"},
    "src": {"crossfoot"},
    "src/crossfoot": {
        "bursts",
        "checks",
        "cli",
        "counterexample",
        "explorer",
        "figures",
        "history",
        "load",
        "mutate",
        "pairs",
        "report",
        "server",
    },
    "tests": {"content", "engine", "packaging", "power", "service", "sources", "specimens"},
}
MADE = {"__pycache__", "build", "crossfoot-out", "dist"}

NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}
LONGEST_MODULE = 400
LONGEST_FUNCTION = 70
# What may be longer, and why.
LONG = {
    "tests/engine/test_explorer_verdicts.py": "one wrong verdict that must not be given per test",
    "tests/engine/test_instrument.py": "one trap of instrumentation per test",
    "tests/engine/test_recognise.py": "one construct of PL/pgSQL per test",
    "tests/engine/report_specimen.py": "one run with everything in it that a report can show",
    "tests/content/worlds/lead_marketplace.py": "every outcome of every function of one system",
    "tests/content/worlds/peer_booking.py": "every outcome of every function of one system",
    "tests/content/worlds/stripe_idempotency.py": "every outcome of every function of one system",
    "reference_impl/stripe_idempotency/model.py": "one system, to be read in one sitting",
    "reference_impl/lead_marketplace/model.py": "one system, to be read in one sitting",
    "reference_impl/peer_booking/model.py": "one system, to be read in one sitting",
}

MODULES = [
    path.relative_to(ROOT).as_posix()
    for folder in ("src", "tests", "bench", "reference_impl")
    for path in sorted((ROOT / folder).rglob("*.py"))
]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short_and_has_a_name(module: str) -> None:
    text = (ROOT / module).read_text(encoding="utf-8")
    assert not NAMELESS & set(Path(module).with_suffix("").parts)
    length = len(text.splitlines())
    assert module in LONG or length <= LONGEST_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            lines = node.end_lineno - node.lineno + 1
            assert module in LONG or lines <= LONGEST_FUNCTION, f"{node.name}: {lines} lines"


def test_what_is_excused_for_its_length_is_still_there_and_long() -> None:
    for module in LONG:
        assert len((ROOT / module).read_text(encoding="utf-8").splitlines()) > LONGEST_MODULE


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("tests/")])
def test_tests_are_named_as_sentences(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    names = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    short = [name for name in names if name.startswith("test_") and name.count("_") < 3]
    assert short == []


@pytest.mark.parametrize("folder", LAYOUT)
def test_every_folder_is_in_the_layout(folder: str) -> None:
    found = {path.name for path in (ROOT / folder).iterdir() if path.is_dir()}
    seen = {name for name in found - MADE if not name.startswith(".")}
    assert seen - {name for name in seen if name.endswith(".egg-info")} <= LAYOUT[folder]


@pytest.mark.parametrize("path", CONTENT.audits, ids=lambda path: path.stem)
def test_an_audit_has_its_header(path: Path) -> None:
    audit = load_audit(path, CONTENT.relative(path))
    assert audit.about and audit.detects


@pytest.mark.parametrize("path", CONTENT.lints, ids=lambda path: path.stem)
def test_a_lint_has_its_header(path: Path) -> None:
    lint = load_lint(path, CONTENT.relative(path))
    assert lint.about and lint.detects


@pytest.mark.parametrize("file", CONTENT.targets, ids=lambda file: file.parent.name)
def test_a_target_and_everything_that_belongs_to_it_has_its_header(file: Path) -> None:
    target = load_target(file)
    assert target.name == file.parent.name
    assert all(operation.about for operation in target.operations.values())
    for path in CONTENT.races(target.name):
        race = load_race(path, target, 1)
        assert race.about and race.detects and race.operations, race.name
    for path in CONTENT.contracts(target.name):
        contract = load_contract(path, target, 1)
        assert contract.about and contract.detects, contract.name
    for path in CONTENT.bursts(target.name):
        burst = load_burst(path, target)
        assert burst.about and burst.detects and burst.expectations, burst.name
    for variant in load_variants(target):
        assert variant.caught_by, variant.name


def test_no_content_lies_where_nothing_looks_for_it() -> None:
    names = [target.parent.name for target in CONTENT.targets]
    seen = {path for name in names for path in [*CONTENT.races(name), *CONTENT.contracts(name)]}
    seen |= {path for name in names for path in CONTENT.bursts(name)}
    seen |= {*CONTENT.audits, *CONTENT.lints}
    there = {path for folder in ("scenarios", "audits") for path in (ROOT / folder).rglob("*.sql")}
    assert there == seen
