"""What is built and installed elsewhere works there, and holds nothing of the machine it was built on."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from crossfoot.report import load_run

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Built:
    """A source distribution, and the wheel that was made from it."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the source distribution, and from that (not from the checkout) the wheel."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)])
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="module")
def environment(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment with the wheel in it. What the wheel depends on is borrowed from ours."""
    pytest.importorskip("ensurepip", reason="this Python can't put pip into new environments")
    folder = tmp_path_factory.mktemp("elsewhere") / "environment"
    run([sys.executable, "-m", "venv", str(folder)])
    pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run([*pip, "install", "--no-index", "--no-deps", str(built.wheel)])
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def run(command: list[str], cwd: Path | None = None) -> str:
    unwanted = ("PYTHON", "PIP_", "CROSSFOOT_", "COVERAGE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    ran = subprocess.run(
        command, cwd=cwd, env=kept, capture_output=True, text=True, timeout=600, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def contents(archive: Path) -> dict[str, bytes]:
    """Return the files of a wheel or a source distribution."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(archive) as sdist:
        files = {member.name: sdist.extractfile(member) for member in sdist}
        return {name: file.read() for name, file in files.items() if file}


def content_of_the_checkout() -> set[str]:
    """Return the paths of all content files, relative to the checkout."""
    folders = ("reference_impl", "scenarios", "audits", "reports")
    paths = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    inside = [path.relative_to(ROOT) for path in paths]
    return {path.as_posix() for path in inside if not any(map(_is_cache, path.parts))}


def _is_cache(part: str) -> bool:
    return part == "__pycache__" or part.startswith(".")


def test_the_wheel_has_one_top_level_package_and_all_content(built: Built) -> None:
    names = contents(built.wheel).keys()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"crossfoot"}
    shipped = {name.removeprefix("crossfoot/content/") for name in names if "/content/" in name}
    assert shipped == content_of_the_checkout()
    assert "crossfoot/explorer/steps.sql" in names
    assert "crossfoot/py.typed" in names


def test_nothing_built_is_compiled_or_names_a_path_of_this_machine(built: Built) -> None:
    for archive in (built.sdist, built.wheel):
        for name, data in contents(archive).items():
            assert not name.endswith((".pyc", ".so"))
            assert str(ROOT).encode() not in data, f"{archive.name}: {name}"


def test_the_source_distribution_has_what_it_takes_to_test_it(built: Built) -> None:
    names = {name.partition("/")[2] for name in contents(built.sdist)}
    assert {"Makefile", "requirements.lock", "pyproject.toml", "tests/conftest.py"} <= names
    assert content_of_the_checkout() <= names


def test_the_installed_command_lists_what_came_with_it(environment: Path, tmp_path: Path) -> None:
    listed = run([str(environment / "bin/crossfoot"), "list"], cwd=tmp_path)
    assert "lead_marketplace: " in listed
    assert "two_buyers_one_lead" in listed
    assert "balance_equals_entries" in listed


def test_the_installed_command_runs_and_reports(environment: Path, tmp_path: Path) -> None:
    command = [str(environment / "bin/crossfoot"), "run", "lead_marketplace", "--schedules", "50"]
    said = run(command, cwd=tmp_path)
    assert "Report: crossfoot-out/" in said
    folder = tmp_path / "crossfoot-out/latest"
    assert sorted(path.name for path in folder.iterdir()) == [
        "bursts",
        "report.html",
        "report.json",
        "report.junit.xml",
        "report.md",
    ]
    (target,) = load_run(folder).targets
    assert target.name == "lead_marketplace"
    assert {check.file.split("/")[0] for check in target.checks} == {
        "audits", "reference_impl", "scenarios",
    }  # fmt: skip
