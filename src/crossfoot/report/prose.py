"""A finding told in plain text, for a terminal, a JUnit failure or a mail."""

from __future__ import annotations

from crossfoot.report.lanes import MIN_WIDTH, draw, value_text
from crossfoot.report.plain import one_line, visible, wrap
from crossfoot.results import Finding


def tell(finding: Finding, width: int) -> str:
    """Return the whole of ``finding`` in lines of at most ``width`` (60 or more) columns.

    Summary, interleaving, explanation, what serial orders give, rows, then how to see it again.
    """
    width = max(width, MIN_WIDTH)
    parts = [
        "\n".join(wrap(finding.summary, width)),
        draw(finding.lanes, width).rstrip("\n") if finding.lanes else "",
        explanation(finding, width),
        serial(finding, width),
        rows(finding, width),
        again(finding),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def explanation(finding: Finding, width: int) -> str:
    """Return the explanation, its paragraphs kept apart."""
    paragraphs = [wrap(part, width) for part in finding.explanation.split("\n\n")]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines)


def serial(finding: Finding, width: int) -> str:
    """Return the outcomes that one-after-the-other orders give, as a list."""
    if not finding.serial:
        return ""
    lines = ["One after the other, only this can come out:"]
    for outcome in finding.serial:
        first, *rest = wrap(outcome, width - 4) or [""]
        lines += [f"  - {first}", *(f"    {line}" for line in rest)]
    return "\n".join(lines)


def remedies(finding: Finding) -> list[str]:
    """Return what was tried against a finding, a sentence each, what helps first."""
    return [
        f"{remedy.what} ({remedy.where}): {remedy.says}"
        if remedy.where
        else f"{remedy.what}: {remedy.says}"
        for remedy in finding.remedies
    ]


def rows(finding: Finding, width: int) -> str:
    """Return the offending rows, one a line, with how many there are in all."""
    if not finding.rows:
        return ""
    lines = [f"{rows_title(finding)}:"]
    for row in finding.rows:
        pairs = ", ".join(f"{key} = {value_text(value)}" for key, value in row.items())
        first, *rest = wrap(pairs, width - 4) or [""]
        lines += [f"  - {first}", *(f"    {line}" for line in rest)]
    return "\n".join(lines)


def rows_title(finding: Finding) -> str:
    """Return "Offending rows" with how many of them are shown, where that isn't all."""
    shown, total = len(finding.rows), finding.total_rows
    return f"Offending rows, {shown} of {total}" if total and total > shown else "Offending rows"


def confirmation(finding: Finding) -> str:
    """Return "seen again in 10 of 10 replays", or nothing where none was tried."""
    if finding.confirmed is None:
        return ""
    times, replays = finding.confirmed
    return f"seen again in {times} of {replays} replays"


def again(finding: Finding) -> str:
    """Return the line that replays the finding, and how often that worked."""
    confirmed = confirmation(finding)
    tail = f"   ({confirmed})" if confirmed else ""
    if finding.replay:
        return f"replay: {one_line(finding.replay)}{tail}"
    return visible(confirmed)
