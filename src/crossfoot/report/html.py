"""The report as one HTML file that needs nothing else: no network, no server, no other file."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from crossfoot.report import charts, overview, prevention, prose, scope, wording
from crossfoot.report.kept import files_of
from crossfoot.report.kills import SIGNS, grid
from crossfoot.report.matrix import matrix, properties_of, verdict_on
from crossfoot.report.mutants import FATES, by_fate, fate_of, mutants, score
from crossfoot.report.plain import visible
from crossfoot.report.timeline import telling, timeline
from crossfoot.results import Check, Kind, Run, TargetResult
from crossfoot.verdicts import Verdict

_BREAKS = re.compile(r"(?<=[_.,(/:-])(?=\w)")
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_WORST_FIRST = [Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.NOT_APPLICABLE]


def html(run: Run) -> str:
    """Return the report as one HTML document.

    Its policy allows its own style and script, by their hashes, and nothing else: were a value out
    of a database to escape its place, it still could not run, load or send anything.
    """
    style, script = _asset("report.css"), _asset("report.js")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            style=Markup(style),  # noqa: S704 (our own file, and the policy holds its hash)
            script=Markup(script),  # noqa: S704
            policy=_policy(style, script),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("crossfoot.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.filters |= {
        "anchor": anchor,
        "breakable": breakable,
        "paragraphs": paragraphs,
        "word": wording.word,
        "duration": wording.duration,
        "moment": wording.moment,
    }
    environment.globals |= {
        "Verdict": Verdict,
        "Kind": Kind,
        "charts": charts,
        "overview": overview,
        "files_of": files_of,
        "prevention": prevention,
        "prose": prose,
        "scope": scope,
        "wording": wording,
        "matrix": matrix,
        "properties_of": properties_of,
        "verdict_on": verdict_on,
        "timeline": timeline,
        "telling": telling,
        "kill_grid": grid,
        "signs": SIGNS,
        "mutants": mutants,
        "score": score,
        "by_fate": by_fate,
        "fate_of": fate_of,
        "fates": FATES,
        "by_kind": by_kind,
        "tables": tables,
        "columns": columns,
        "check_anchors": check_anchors,
    }
    return environment


def _shown(value: Any) -> Any:
    """Spell out what a text hides (control and direction characters); leave markup alone."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(value)


def _asset(name: str) -> str:
    return (files("crossfoot.report") / "templates" / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def anchor(*parts: str) -> str:
    """Return an id for a fragment link, the same for the same parts in every run."""
    return _UNSAFE.sub("-", "-".join(parts))


def breakable(text: str) -> Markup:
    """Return ``text`` escaped, with places where a long name may break: after ``_ . , ( / : -``."""
    return Markup("<wbr>").join(escape(part) for part in _BREAKS.split(visible(text)))


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a plain text: what blank lines separate."""
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


def by_kind(target: TargetResult, kind: Kind) -> list[Check]:
    """Return the checks of one kind: failed, undecided, passed, then those that don't apply."""
    chosen = [check for check in target.checks if check.kind is kind]
    return sorted(chosen, key=lambda check: _WORST_FIRST.index(check.verdict))


def check_anchors(target: TargetResult) -> dict[str, str]:
    """Return "race two_buyers_one_lead" → its row's id, for every check of ``target``."""
    return {
        f"{check.kind} {check.name}": anchor("check", target.name, check.kind, check.name)
        for check in target.checks
    }


def columns(rows: list[dict[str, str | None]]) -> list[str]:
    """Return the columns of ``rows``, in the order in which they first appear."""
    return list(dict.fromkeys(key for row in rows for key in row))


def tables(rows: list[dict[str, str | None]]) -> list[list[dict[str, str | None]]]:
    """Return ``rows`` cut where their columns change: each part is a table of its own."""
    parts: list[list[dict[str, str | None]]] = []
    for row in rows:
        if parts and list(parts[-1][0]) == list(row):
            parts[-1].append(row)
        else:
            parts.append([row])
    return parts
