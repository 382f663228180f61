"""An interleaving drawn in plain text: a column per session, a row per step, time downwards."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from crossfoot.report.plain import fit, one_line, wrap
from crossfoot.report.timeline import Cell, Presence, Row, Timeline, telling, timeline
from crossfoot.results import Lanes, LaneStep

MIN_WIDTH = 60
_GUTTER = 7
_GAP = 2
_NARROWEST_COLUMN = 25
_MOST_LINES = 3

_RAIL = {Presence.AWAY: " ", Presence.OPEN: "│", Presence.WAITING: "░"}


def draw(lanes: Lanes, width: int) -> str:
    """Return ``lanes`` as lines of at most ``width`` (60 or more) terminal columns.

    A session's rail ``│`` runs from its first call to its commit, and is hatched ``░`` while it
    waits for a lock. With more sessions than fit side by side, the rails stand together at the
    left, and each step names its session.
    """
    width = max(width, MIN_WIDTH)
    grid = timeline(lanes)
    column = (width - _GUTTER + _GAP) // max(len(grid.sessions), 1) - _GAP
    side_by_side = column >= _NARROWEST_COLUMN
    lines = _columns(grid, lanes, column) if side_by_side else _rails(grid, lanes, width)
    lines += _foot(grid, lanes, width)
    return "\n".join(line.rstrip() for line in lines) + "\n"


@dataclass(frozen=True)
class _Sheet:
    """Puts texts side by side: a gutter, then columns of one width."""

    column: int

    def line(self, gutter: str, cells: list[str]) -> str:
        filled = (" " * _GAP).join(fit(cell, self.column) for cell in cells)
        return f"{gutter:>{_GUTTER - 2}}  {filled}"

    def block(self, gutter: str, cells: list[list[str]]) -> list[str]:
        height = max(map(len, cells), default=0)
        rows = [[cell[i] if i < len(cell) else "" for cell in cells] for i in range(height)]
        return [self.line("" if i else gutter, row) for i, row in enumerate(rows)]


def _columns(grid: Timeline, lanes: Lanes, column: int) -> list[str]:
    sheet = _Sheet(column)
    lines = [sheet.line("", [one_line(name) for name in grid.sessions])]
    lines.append(sheet.line("", ["─" * column] * len(grid.sessions)))
    for row in grid.rows:
        height = len(_said(row.step, column - 2))
        cells = [_column_cell(cell, height, column - 2) for cell in row.cells]
        lines += sheet.block(str(row.step.number), cells)
    lines.append(sheet.line("", ["─" * column] * len(grid.sessions)))
    outcomes = [wrap(lanes.outcomes.get(name, ""), column) for name in grid.sessions]
    return lines + (sheet.block("end", outcomes) if lanes.outcomes else [])


def _column_cell(cell: Cell, height: int, width: int) -> list[str]:
    """Return one session's lines in one row: its rail, and at its own step what it did."""
    said = _said(cell.step, width) if cell.step else []
    rails = [_knot(cell), *[_RAIL[cell.after]] * (height - 1)]
    said += [""] * (height - len(said))
    return [f"{rail} {text}" for rail, text in zip(rails, said, strict=True)]


def _rails(grid: Timeline, lanes: Lanes, width: int) -> list[str]:
    widest = max((cell_len(one_line(name)) for name in grid.sessions), default=0)
    left = min(widest, 16 if len(grid.sessions) <= 6 else 8) + 2
    right = max(width - _GUTTER - 2 * len(grid.sessions) - left - 1, 10)
    rule = " " * _GUTTER + "─" * (width - _GUTTER)
    steps = [line for row in grid.rows for line in _rails_row(row, left, right)]
    ends = []
    for name in grid.sessions if lanes.outcomes else ():
        said = wrap(f"{name}: {lanes.outcomes.get(name, '')}", width - _GUTTER - 2)
        ends += [f"{' ' * _GUTTER}{'  ' if index else ''}{line}" for index, line in enumerate(said)]
    if ends:
        ends[0] = f"{'end':>{_GUTTER - 2}}{ends[0][_GUTTER - 2 :]}"
    return [rule, *steps, rule, *ends]


def _rails_row(row: Row, left: int, width: int) -> list[str]:
    actor = row.step
    said = _said(actor, width)
    name = one_line(actor.session)
    lines = []
    for index, text in enumerate(said):
        rails = [_RAIL[cell.after] if index else _knot(cell) for cell in row.cells]
        number = "" if index else str(row.step.number)
        who = fit("" if index else name, left - 1)
        lines.append(f"{number:>{_GUTTER - 2}}  {' '.join(rails)}  {who} {text}")
    return lines


def _knot(cell: Cell) -> str:
    """Return the mark at the head of a row: the plain rail, or where this session acts."""
    if cell.step is None or cell.step.kind == "wait":
        return _RAIL[cell.after]
    if cell.before is Presence.AWAY:
        return "┌" if cell.after is not Presence.AWAY else "─"
    return "├" if cell.after is not Presence.AWAY else "└"


def _said(step: LaneStep, width: int) -> list[str]:
    """Return what a step did, then where it stands, then what came of it."""
    told = telling(step)
    lines = wrap(f"{told.lead} {told.text}", width, _MOST_LINES)
    if step.source:
        lines.append(_place(step.source, width))
    if told.note:
        note = wrap(told.note, width - 2, _MOST_LINES)
        lines += [f"{'  ' if index else '→ '}{line}" for index, line in enumerate(note)]
    return lines or [step.kind]


def _place(source: str, width: int) -> str:
    """Return "at function:line" or "at file.sql:line", without schema or folders.

    A name that is cut keeps its line number.
    """
    name, colon, line = one_line(source).rpartition(":")
    short = name.rpartition("/" if "/" in name or ".sql" in name else ".")[2]
    tail = f"{colon}{line}"
    return "at " + fit(short, min(width - 3 - cell_len(tail), cell_len(short))) + tail


def _foot(grid: Timeline, lanes: Lanes, width: int) -> list[str]:
    lines: list[str] = []
    for index, row in enumerate(lanes.state):
        pairs = ", ".join(f"{key} = {value_text(value)}" for key, value in row.items())
        for line in wrap(pairs, width - _GUTTER):
            lines.append(f"{'' if index or lines else 'after':>{_GUTTER - 2}}  {line}")
    if grid.waits:
        lines += ["", " " * _GUTTER + "│ inside a transaction   ░ waiting for a lock"]
    return lines


def value_text(value: str | None) -> str:
    """Return a database value as reports show it: SQL's null as the word."""
    return "null" if value is None else value
