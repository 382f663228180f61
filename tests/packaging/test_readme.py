"""The documents stay true: their commands exist, and the output they show is what comes out.

When output changes on purpose, ``CROSSFOOT_REWRITE=1 make test ARGS=tests/packaging/test_readme.py``
puts the new one into the README. Read the difference before you commit it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from crossfoot.cli.app import app
from crossfoot.cli.work import shelf

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]
REWRITE = bool(os.environ.get("CROSSFOOT_REWRITE"))

# The mistake of the README's own example, and how the text says to mend it.
MISTAKE = "from gift.card where id = p_card;"
MENDED = "from gift.card where id = p_card for no key update;"

VARYING = {
    r"\d{8}-\d{6}-[0-9a-f]{4}": "RUN-ID",
    r"\d+\.\d s\b": "N s",
    r"\d+ schedules?, then stopped at a counterexample, \d+ fail": "N schedules, then stopped",
    r"\d+ interleavings? \(0 races": "N interleavings (0 races",
    r"PostgreSQL \d+(\.\d+)+": "PostgreSQL N",
    r"#[0-9a-f]+\b": "#N",  # numbers out of sequences
}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what else stands on its first line, and its text."""

    language: str
    info: str
    text: str

    @property
    def title(self) -> str:
        match = re.search(r'title="([^"]+)"', self.info)
        return match[1] if match else ""


def blocks(document: str) -> list[Block]:
    text = (ROOT / document).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*) *([^\n]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [Block(*parts) for parts in found]


def commands(program: str) -> list[str]:
    """Return every command line of ``program`` in shell blocks of the documents."""
    lines = [
        line.removeprefix("$ ").split("  #")[0].rstrip()
        for document in DOCUMENTS
        for block in blocks(document)
        if block.language in {"sh", "console"}
        for line in block.text.splitlines()
        if block.language == "sh" or line.startswith("$ ")
    ]
    return list(dict.fromkeys(line for line in lines if line.split(" ")[0] == program))


@pytest.mark.parametrize("command", commands("crossfoot"))
def test_a_crossfoot_command_in_the_documents_is_one(command: str) -> None:
    words = shlex.split(command)[1:]
    group = typer.main.get_command(app)
    with group.make_context("crossfoot", words) as context:
        name, found, rest = group.resolve_command(context, words)  # type: ignore[attr-defined]
        assert found is not None
        with found.make_context(name, rest, parent=context) as parsed:
            names_exist(parsed.params)


def names_exist(given: dict[str, object]) -> None:
    """Check the names of the reference system's parts that a command line speaks of."""
    if given.get("target") != "lead_marketplace":
        return
    (target,) = shelf(["lead_marketplace"])["targets"]
    assert given.get("variant") in {None, *target["broken variants"]}
    for race in given.get("races") or ():  # type: ignore[attr-defined]
        assert "*" in race or race in target["races"]


@pytest.mark.parametrize("command", commands("make"))
def test_a_make_command_in_the_documents_is_one(command: str) -> None:
    words = shlex.split(command)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    ran = subprocess.run(
        [words[0], "--dry-run", *words[1:]],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr


def shown() -> list[Block]:
    return [block for block in blocks("README.md") if block.language == "console"]


def test_the_readme_shows_output() -> None:
    assert len(shown()) == 3


@pytest.mark.parametrize("block", shown(), ids=lambda block: block.info or block.text.split()[2])
def test_the_output_that_the_readme_shows_is_true(block: Block, tmp_path: Path) -> None:
    write_example(tmp_path, mended=block.info == "mended")
    command, _, expected = block.text.partition("\n")
    ran = subprocess.run(
        [sys.executable, "-m", "crossfoot", *shlex.split(command)[2:]],
        cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
        env={k: v for k, v in os.environ.items() if k != "CROSSFOOT_DSN"},
    )  # fmt: skip
    assert ran.stderr == ""
    if REWRITE:
        put(block, f"{command}\n{ran.stdout}")
    else:
        assert masked(ran.stdout) == masked(expected), "meant? see the top of this file"


def write_example(folder: Path, *, mended: bool) -> None:
    """Write the files that the README shows."""
    for block in blocks("README.md"):
        if block.title:
            file = folder / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            text = block.text.replace(MISTAKE, MENDED) if mended else block.text
            file.write_text(text, encoding="utf-8")


def masked(output: str) -> list[str]:
    """Return the lines without what differs from run to run."""
    for pattern, instead in VARYING.items():
        output = re.sub(pattern, instead, output)
    return [line.rstrip() for line in output.rstrip().splitlines()]


def put(block: Block, text: str) -> None:
    old = f"```{f'{block.language} {block.info}'.rstrip()}\n{block.text}```"
    document = README.read_text(encoding="utf-8")
    assert document.count(old) == 1
    lines = "".join(f"{line.rstrip()}\n" for line in text.rstrip().splitlines())
    new = f"{old.partition(chr(10))[0]}\n{lines}```"
    README.write_text(document.replace(old, new), encoding="utf-8")
