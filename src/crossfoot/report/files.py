"""Reports as files: one format, all formats into a folder, and report.json read back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from crossfoot.errors import ContentError
from crossfoot.report.html import html
from crossfoot.report.junit import junit
from crossfoot.report.kept import keep
from crossfoot.report.markdown import markdown
from crossfoot.results import SCHEMA_VERSION, Run


def _json(run: Run) -> str:
    return json.dumps(run.dump(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


_RENDERERS: dict[str, Callable[[Run], str]] = {
    "html": html,
    "markdown": markdown,
    "junit": junit,
    "json": _json,
}
FORMATS = tuple(_RENDERERS)

# report.json goes first: it is the result, and a fault in a view of it must not lose it.
_FILES = {
    "json": "report.json",
    "html": "report.html",
    "markdown": "report.md",
    "junit": "report.junit.xml",
}


def render(run: Run, format: str) -> str:
    """Return ``run`` in one of ``FORMATS``. The same run always gives the same text."""
    try:
        renderer = _RENDERERS[format]
    except KeyError:
        raise ContentError(
            f"no report format is called '{format}'", remedy=f"Choose one of: {', '.join(FORMATS)}."
        ) from None
    return renderer(run)


def write_report(run: Run, folder: Path) -> dict[str, Path]:
    """Write the run in every format into ``folder``, and return the path of each.

    What its findings leave to be kept is written too.
    A reader sees a whole file or none: each is written beside its place and then moved there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keep(run, folder)
    written = {}
    for name, file in _FILES.items():
        written[name] = _replace(folder / file, render(run, name))
    return {name: written[name] for name in FORMATS}


def _replace(path: Path, text: str) -> Path:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def load_run(path: Path) -> Run:
    """Read a run back from its folder or its report.json.

    Raises ContentError where there is none, it isn't JSON, it comes from a Crossfoot with another
    version of the format, or a part of it is missing or wrong.
    """
    file = path / _FILES["json"] if path.is_dir() else path
    content = _read(file)
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version is None:
        raise ContentError(
            f"{file}: no Crossfoot report, it has no 'schema_version'",
            remedy="Name the folder of a run, or its report.json.",
        )
    if version != SCHEMA_VERSION:
        raise ContentError(
            f"{file}: report format {version!r}, this Crossfoot reads '{SCHEMA_VERSION}'",
            remedy="Read it with the Crossfoot named in its 'environment', or run again.",
        )
    try:
        return Run.model_validate(content)
    except ValidationError as error:
        raise ContentError(
            f"{file}: {_first_fault(error)}",
            remedy="The file was changed or cut short; take the original, or run again.",
        ) from None


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ContentError(
            f"{file}: no such file", remedy="Name the folder of a run, or its report.json."
        ) from None
    except OSError as error:
        raise ContentError(f"{file}: can't be read: {error.strerror}") from None
    except ValueError as error:
        raise ContentError(
            f"{file}: not JSON: {error}", remedy="Name the report.json, not another format of it."
        ) from None


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"]) or "the report"
    return f"{place}: {fault['msg']}"
