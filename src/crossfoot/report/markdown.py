"""The report as Markdown, short enough for the summary of a CI step."""

from __future__ import annotations

import re

from crossfoot.report.charts import loads, number
from crossfoot.report.kept import files_of
from crossfoot.report.lanes import draw
from crossfoot.report.matrix import Cell, matrix
from crossfoot.report.measured import Table, measured, operations
from crossfoot.report.mutants import by_fate, fate_of, score
from crossfoot.report.overview import Found, headline, live, undecided, waived
from crossfoot.report.plain import one_line, visible
from crossfoot.report.prose import again, remedies, rows
from crossfoot.report.scope import absent, covered, not_covered
from crossfoot.report.wording import MARKS, counted, duration, moment, word
from crossfoot.results import Figures, Kill, Run, TargetResult
from crossfoot.verdicts import Verdict

_WIDTH = 100
_MOST_FINDINGS = 10
_MOST_LINES = 20
_MOST_WAITS = 3
_SPECIAL = re.compile(r"([\\`*\[\]|~$]|(?<!\w)_|_(?!\w))")
_AT_THE_START = re.compile(r"^(\d*)([#+=.)-])(?=[\s#+=-]|$)")


def markdown(run: Run) -> str:
    """Return the report as GitHub-flavoured Markdown."""
    parts = [
        f"## {MARKS[run.verdict]} {escape(headline(run))}",
        _facts(run),
        *(_matrix(target) for target in run.targets),
        *_findings(run),
        _undecided(run),
        _waived(run),
        *_loads(run),
        *(_kills(target) for target in run.targets),
        *(_mutants(target) for target in run.targets),
        _gaps(run),
        _how(run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """Return ``text`` on one line, so that Markdown shows it as it stands."""
    shown = _AT_THE_START.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", one_line(text)))
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Return ``text`` as inline code, whatever backticks are in it."""
    shown = one_line(text)
    fence = "`" * (_longest_run(shown) + 1)
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"


def block(text: str, language: str = "text") -> str:
    """Return ``text`` as a fenced block that it can't close itself."""
    shown = visible(text).rstrip("\n")
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _facts(run: Run) -> str:
    return "\n".join(f"- **{name}:** {escape(sentence)}" for name, sentence in covered(run))


def _matrix(target: TargetResult) -> str:
    grid = matrix(target)
    lines = [
        f"### {escape(target.name)}",
        "",
        "| function | " + " | ".join(grid.properties) + " |",
        "|---|" + ":-:|" * len(grid.properties),
    ]
    for row in grid.rows:
        cells = " | ".join(_cell(cell) for cell in row.cells)
        lines.append(f"| {escape(row.label)} | {cells} |")
    legend = ", ".join(f"{MARKS[verdict]} {word(verdict)}" for verdict in (*Verdict, None))
    return "\n".join([*lines, "", legend])


def _cell(cell: Cell) -> str:
    mark = MARKS[cell.verdict]
    return f"{mark} ({cell.waived} waived)" if cell.waived else mark


def _findings(run: Run) -> list[str]:
    found = live(run)
    if not found:
        return []
    parts = ["### Findings", *(_finding(item) for item in found[:_MOST_FINDINGS])]
    if len(found) > _MOST_FINDINGS:
        more = counted(len(found) - _MOST_FINDINGS, "more finding")
        parts.append(f"{more} in `report.html`.")
    return parts


def _finding(found: Found) -> str:
    check, finding = found.check, found.finding
    about = [check.severity.value, f"{check.kind} {check.name}", finding.anomaly]
    parts = [
        f"#### {MARKS[Verdict.FAIL]} {escape(finding.summary)}",
        escape(", ".join(part for part in about if part)),
        block(draw(finding.lanes, _WIDTH)) if finding.lanes else "",
        "\n\n".join(escape(part) for part in finding.explanation.split("\n\n")),
        _listed("One after the other, only this can come out:", finding.serial),
        _listed("The same race at stronger isolation levels:", finding.prevention),
        _listed("The same race with a change:", remedies(finding)),
        block(_clipped(rows(finding, _WIDTH))) if finding.rows else "",
        block(again(finding)) if again(finding) else "",
        _listed("In the folder of this run:", [*files_of(found.target, check, finding)]),
    ]
    return "\n\n".join(part for part in parts if part)


def _listed(title: str, sentences: list[str]) -> str:
    if not sentences:
        return ""
    return "\n".join([title, "", *(f"- {escape(sentence)}" for sentence in sentences)])


def _clipped(text: str) -> str:
    lines = text.splitlines()
    more = len(lines) - _MOST_LINES
    return "\n".join(lines[:_MOST_LINES] + ([f"  … {more} more lines"] if more > 0 else []))


def _undecided(run: Run) -> str:
    lines = [
        f"- {MARKS[Verdict.UNKNOWN]} {code(f'{check.kind} {check.name}')}: "
        f"{escape(check.reason or check.title)}"
        for _, check in undecided(run)
    ]
    return "\n".join(["### Undecided", "", *lines]) if lines else ""


def _waived(run: Run) -> str:
    lines = [
        f"- {escape(item.finding.summary)}: {escape(item.finding.waiver.reason)} "
        f"(until {item.finding.waiver.until.isoformat()})"
        for item in waived(run)
        if item.finding.waiver
    ]
    return "\n".join(["### Waived", "", *lines]) if lines else ""


def _loads(run: Run) -> list[str]:
    """Return the figures of each load: what was measured, each operation, what waited for locks."""
    return [
        part
        for target, check, figures in loads(run)
        for part in (
            f"### How the load went: {escape(target.name)}, {escape(check.name)}",
            _table(measured(figures)),
            _table(operations(figures)),
            _waits(figures),
        )
    ]


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    head = f"| {' | '.join(table.columns)} |"
    under = "|---|" + "--:|" * (len(table.columns) - 1)
    return "\n".join([head, under, *(f"| {' | '.join(map(_in_cell, r))} |" for r in table.rows)])


def _in_cell(text: str) -> str:
    return escape(text) or " "


def _waits(figures: Figures) -> str:
    lines = [
        f"{code(each.query)}: {number(each.mean)} sessions at once on average, the longest "
        f"{number(each.longest_seconds * 1000, 'ms')} after it was sent"
        for each in figures.waits[:_MOST_WAITS]
    ]
    return (
        "\n".join(["Waited for locks most:", "", *(f"- {line}" for line in lines)]) if lines else ""
    )


def _kills(target: TargetResult) -> str:
    kills = target.kill_matrix.kills if target.kill_matrix else []
    if not kills:
        return ""
    caught = sum(kill.verdict is Verdict.PASS for kill in kills)
    lines = [
        f"### Can these checks fail? {escape(target.name)}",
        "",
        f"{caught} of {counted(len(kills), 'form')} of broken variants caught by every "
        "check that should.",
        "",
        *(_kill(kill) for kill in kills if kill.verdict is not Verdict.PASS),
    ]
    return "\n".join(lines).rstrip()


def _kill(kill: Kill) -> str:
    missing = [name for name in kill.expected if name not in kill.caught_by]
    why = kill.reason or f"not caught by {', '.join(missing)}"
    return f"- {MARKS[kill.verdict]} {code(kill.variant)} ({escape(kill.form)}): {escape(why)}"


def _mutants(target: TargetResult) -> str:
    if not target.mutants:
        return ""
    found = by_fate(target.mutants)
    lines = [
        f"- {MARKS[mutant.verdict]} {code(mutant.variant)}: {escape(fate_of(mutant))}"
        for fate in ("gap", "meant")
        for mutant in found.get(fate, [])
    ]
    title = f"### Is every guard tested? {escape(target.name)}"
    return "\n".join([title, "", f"{escape(score(target.mutants))}.", "", *lines]).rstrip()


def _gaps(run: Run) -> str:
    lines = [f"- {escape(gap)}" for gap in not_covered(run)]
    missing = [f"- {escape(gap)}" for gap in absent(run)]
    if missing:
        told = f"{counted(len(missing), 'thing')} declared absent"
        lines += ["", f"<details><summary>{told}</summary>", "", *missing, "", "</details>"]
    return "\n".join(["### Not covered", "", *lines]) if lines else ""


def _how(run: Run) -> str:
    return (
        f"Run {code(run.run_id)} of {moment(run.started_at)}, {duration(run.seconds)}, seed "
        f"{code(str(run.seed))}, Crossfoot {escape(run.environment.crossfoot)}, "
        f"PostgreSQL {escape(run.environment.postgresql)}: {code(run.command)}"
    )
