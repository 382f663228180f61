"""The report as JUnit XML: a test case per function × property, and per check of the whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC
from xml.etree import ElementTree

from crossfoot.report.matrix import Cell, Row, matrix, properties_of, speaks_against, verdict_on
from crossfoot.report.mutants import fate_of
from crossfoot.report.overview import headline
from crossfoot.report.plain import visible
from crossfoot.report.prose import tell
from crossfoot.report.wording import MARKS, PROPERTY_MEANINGS, exploration_facts
from crossfoot.results import Check, Finding, Kill, Property, Run, TargetResult
from crossfoot.verdicts import Verdict

_WIDTH = 100
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_Guilty = list[tuple[Check, list[Finding]]]
_ELEMENTS = {
    Verdict.FAIL: "failure",
    Verdict.UNKNOWN: "error",
    Verdict.NOT_APPLICABLE: "skipped",
    None: "skipped",
}


def junit(run: Run) -> str:
    """Return the report as JUnit XML, in the form that Jenkins, GitLab and GitHub's actions read.

    ``unknown`` is an error, ``not applicable`` and "not covered" are skipped. There is always a
    case, and one that isn't green when the run isn't: a verdict that no case carries (nothing was
    checked, for one) gets a case of its own.
    """
    suites = [_suite(run, target) for target in run.targets]
    shown = {case.tag for suite in suites for case in suite.iterfind("testcase/*")}
    wanted = _ELEMENTS.get(run.verdict)
    if not any(suite.find("testcase") is not None for suite in suites) or (
        wanted in ("failure", "error") and wanted not in shown
    ):
        suites.append(_whole_run(run))
    root = _element("testsuites", name="crossfoot", time=_time(run.seconds))
    root.extend(_counted(suite) for suite in suites)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, "unicode")}\n'


def _suite(run: Run, target: TargetResult) -> ElementTree.Element:
    suite = _element("testsuite", name=target.name, timestamp=_timestamp(run))
    suite.set("time", _time(target.seconds))
    suite.append(_properties(run))
    grid = matrix(target)
    share = _shares(target)
    suite.extend(
        _cell_case(target, row, cell, share) for row in grid.functions for cell in row.cells
    )
    suite.extend(_check_case(target, check) for check in target.checks if not _in_cells(check))
    suite.extend(_kill_case(target, kill) for kill in _kills(target))
    suite.extend(_mutant_case(target, mutant) for mutant in target.mutants)
    return suite


def _whole_run(run: Run) -> ElementTree.Element:
    suite = _element("testsuite", name="run", timestamp=_timestamp(run), time="0.000")
    suite.append(_properties(run))
    case = _element("testcase", classname="crossfoot", name="run", time="0.000")
    _conclude(case, run.verdict, headline(run), "run", headline(run))
    suite.append(case)
    return suite


def _in_cells(check: Check) -> bool:
    """Say whether a check shows in the cell of a function, and needs no case of its own."""
    return bool(check.operations and properties_of(check))


def _shares(target: TargetResult) -> dict[str, float]:
    """Return each check's seconds per cell it stands in, so that the cases' times add up."""
    return {
        f"{check.kind} {check.name}": check.seconds
        / (len(check.operations) * len(properties_of(check)))
        for check in target.checks
        if _in_cells(check)
    }


def _cell_case(
    target: TargetResult, row: Row, cell: Cell, share: dict[str, float]
) -> ElementTree.Element:
    seconds = sum(share.get(f"{check.kind} {check.name}", 0.0) for check in cell.checks)
    case = _element(
        "testcase",
        classname=f"crossfoot.{target.name}.{row.label}",
        name=cell.property.value,
        time=_time(seconds),
    )
    guilty = [
        (check, _against(check, cell.property))
        for check in cell.checks
        if verdict_on(check, cell.property) is cell.verdict
    ]
    _conclude(
        case,
        cell.verdict,
        _message(guilty) or "not covered: no check speaks about it",
        cell.property.value,
        _text(guilty),
    )
    _say(case, [PROPERTY_MEANINGS[cell.property], *(_line(check) for check in cell.checks)])
    return case


def _check_case(target: TargetResult, check: Check) -> ElementTree.Element:
    case = _element(
        "testcase",
        classname=f"crossfoot.{target.name}.{check.kind}",
        name=check.name,
        time=_time(check.seconds),
    )
    guilty = [(check, _live(check))]
    _conclude(case, check.verdict, _message(guilty), check.kind.value, _text(guilty))
    _say(case, [_line(check)])
    return case


def _kill_case(target: TargetResult, kill: Kill) -> ElementTree.Element:
    case = _element(
        "testcase",
        classname=f"crossfoot.{target.name}.broken variant",
        name=f"{kill.variant} ({kill.form})",
        time=_time(kill.seconds),
    )
    missing = [name for name in kill.expected if name not in kill.caught_by]
    message = kill.reason or f"not caught by {', '.join(missing)}"
    _conclude(case, kill.verdict, message, "broken variant", f"{kill.title}\n{kill.hurts}\n")
    _say(case, [kill.title, f"caught by: {', '.join(kill.caught_by) or 'nothing'}"])
    return case


def _mutant_case(target: TargetResult, mutant: Kill) -> ElementTree.Element:
    case = _element(
        "testcase",
        classname=f"crossfoot.{target.name}.mutant",
        name=mutant.variant,
        time=_time(mutant.seconds),
    )
    _conclude(case, mutant.verdict, fate_of(mutant), "gap", f"{mutant.diff}\n")
    _say(case, [f"{mutant.fate}: {fate_of(mutant)}"])
    return case


def _kills(target: TargetResult) -> list[Kill]:
    return target.kill_matrix.kills if target.kill_matrix else []


def _live(check: Check) -> list[Finding]:
    return [finding for finding in check.findings if not finding.waiver]


def _against(check: Check, column: Property) -> list[Finding]:
    """Return the findings of ``check`` that count against ``column``, else all of them."""
    live = _live(check)
    return [item for item in live if speaks_against(item, column)] or live


def _message(guilty: _Guilty) -> str:
    """Return the first thing to read: a finding's summary, or why there is no verdict."""
    summaries = [finding.summary for _, findings in guilty for finding in findings]
    if summaries:
        more = f" (and {len(summaries) - 1} more)" if len(summaries) > 1 else ""
        return f"{summaries[0]}{more}"
    return next((check.reason or check.title for check, _ in guilty), "")


def _text(guilty: _Guilty) -> str:
    parts = []
    for check, findings in guilty:
        parts.append(f"{check.kind} {check.name}: {check.title}\n{check.reason}".strip() + "\n")
        parts += [tell(finding, _WIDTH) for finding in findings]
    return "\n".join(parts)


def _line(check: Check) -> str:
    facts = exploration_facts(check.exploration) if check.exploration else []
    facts += [f"{name} {value}" for name, value in check.population.items()]
    facts += [
        f"waived until {item.waiver.until.isoformat()}: {item.summary} ({item.waiver.reason})"
        for item in check.findings
        if item.waiver
    ]
    told = f" [{'; '.join(facts)}]" if facts else ""
    return f"{MARKS[check.verdict]} {check.kind} {check.name}: {check.title}{told}"


def _conclude(
    case: ElementTree.Element, verdict: Verdict | None, message: str, kind: str, text: str
) -> None:
    if verdict is Verdict.PASS:
        return
    element = _element(_ELEMENTS[verdict], message=message)
    if element.tag != "skipped":
        element.set("type", kind)
        element.text = legal(text)
    case.append(element)


def _say(case: ElementTree.Element, lines: Iterable[str]) -> None:
    out = ElementTree.SubElement(case, "system-out")
    out.text = legal("\n".join(lines) + "\n")


def _properties(run: Run) -> ElementTree.Element:
    element = ElementTree.Element("properties")
    values = {
        "run": run.run_id,
        "seed": str(run.seed),
        "crossfoot": run.environment.crossfoot,
        "postgresql": run.environment.postgresql,
        "command": run.command,
        **run.bounds,
    }
    element.extend(_element("property", name=name, value=value) for name, value in values.items())
    return element


def _counted(suite: ElementTree.Element) -> ElementTree.Element:
    tags = Counter(child.tag for child in suite.iterfind("testcase/*"))
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(tags["failure"]))
    suite.set("errors", str(tags["error"]))
    suite.set("skipped", str(tags["skipped"]))
    return suite


def _element(tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.Element(tag, {name: legal(value) for name, value in attributes.items()})


def legal(text: str) -> str:
    """Return ``text`` without what XML 1.0 can't hold, with hidden characters spelled out."""
    return _ILLEGAL.sub("\ufffd", visible(text))


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _timestamp(run: Run) -> str:
    moment = run.started_at
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="seconds")
