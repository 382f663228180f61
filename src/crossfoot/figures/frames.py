"""A run as pandas frames, for notebooks: ``frames = crossfoot.load_run("crossfoot-out/latest")``."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from crossfoot.errors import CrossfootError
from crossfoot.figures.reading import RunCalls, clock_name, open_run
from crossfoot.figures.samples import Audited, Look, Sample, read_samples
from crossfoot.verdicts import Outcome

OUTCOMES = [outcome.value for outcome in Outcome]
_NAMES = ("calls", "audits", "lock_waits", "outcomes_per_second", "latency_percentiles")
_CATEGORIES = ("target", "scenario", "operation", "session", "kind", "file", "machine", "clock")


class RunFrames:
    """What a run noted, as pandas frames. Each is made when it is first asked for.

    Times are seconds since the run's first call, latencies milliseconds. Calls of machines with
    clocks of their own count from the first call by that clock; ``notes`` says so where it matters.

    * ``calls``: one row per call.
    * ``audits``: one row per round of audits while the load went on, and the last one after it.
    * ``lock_waits``: one row per look at the server and query that waited for a lock.
    * ``outcomes_per_second``, ``latency_percentiles``: over time, a row per second.

    ``calls`` may be filtered and put back (``frames.of(frames.calls.query("kind == 'direct'"))``),
    and everything over time follows from it.
    """

    def __init__(self, run: RunCalls, calls: pd.DataFrame | None = None) -> None:
        self._run = run
        self._calls = calls

    @property
    def folder(self) -> Path:
        """Return the run's folder."""
        return self._run.folder

    @property
    def notes(self) -> list[str]:
        """Return what is odd about the run's files, a sentence each."""
        clocks = len(self._run.extents)
        apart = f"times are of {clocks} clocks, each counted from its own first call"
        odd = [
            f"{each.file.path.name}: calls may be missing, its writer was stopped"
            for each in self._run.files
            if each.file.head.calls < 0
        ]
        return [apart, *odd] if clocks > 1 else odd

    @cached_property
    def calls(self) -> pd.DataFrame:
        """One row per call, in the order of their starts.

        ``target``, ``scenario``, ``operation``, ``session`` (who called), ``outcome`` (ok, refused,
        retryable, unknown, error), ``start`` and ``end`` (seconds; NaN without an answer),
        ``latency_ms`` (milliseconds; NaN likewise), ``attempt`` (from 1), ``key`` (the request's),
        ``sqlstate``, ``kind`` (``direct`` on the database, ``http`` to the service), ``id``,
        ``file``, ``machine`` and ``clock`` (times of equal clocks compare).
        """
        return _calls(self._run) if self._calls is None else self._calls

    @cached_property
    def audits(self) -> pd.DataFrame:
        """One row per round of a target's audits.

        ``at`` (seconds), ``target``, ``seconds`` (that the round took), ``drift`` (accounts whose
        balance isn't the sum of their entries: should be 0), ``failed`` (names of violated audits).
        """
        rows = [
            (at, each.target, each.seconds, each.drift, ", ".join(each.failed))
            for at, each in self._samples
            if isinstance(each, Audited)
        ]
        return pd.DataFrame(rows, columns=["at", "target", "seconds", "drift", "failed"])

    @cached_property
    def lock_waits(self) -> pd.DataFrame:
        """One row per look (several times a second) and query; a look at which nobody waited has one.

        ``at`` (seconds), ``query`` (None if nobody waited), ``event`` (what PostgreSQL calls what
        they wait for), ``sessions`` (how many wait), ``longest_ms`` (since the oldest of these
        queries was sent).
        """
        looks = [(at, look) for at, look in self._samples if isinstance(look, Look)]
        rows: list[tuple[Any, ...]] = [
            (at, wait.query, wait.event, wait.sessions, wait.longest * 1e3)
            for at, look in looks
            for wait in look.waits
        ]
        rows += [(at, None, None, 0, 0.0) for at, look in looks if not look.waits]
        columns = ["at", "query", "event", "sessions", "longest_ms"]
        return pd.DataFrame(rows, columns=columns).sort_values("at", ignore_index=True)

    @property
    def outcomes_per_second(self) -> pd.DataFrame:
        """Calls that ended in each second, by outcome. The index ``second`` begins at 0."""
        return self.outcomes()

    @property
    def latency_percentiles(self) -> pd.DataFrame:
        """``calls``, ``p50_ms``, ``p95_ms``, ``p99_ms`` and ``max_ms`` of each second."""
        return self.percentiles()

    def outcomes(self, every: float = 1.0, by: str | None = None) -> pd.DataFrame:
        """Return how many calls ended how, in each ``every`` seconds; with ``by``, per group.

        ``by`` is a column of ``calls``, such as ``"operation"``. Calls without an answer count when
        they were sent. The last slice may be cut short by the end of the run. Without
        ``by`` no slice is missing, whether or not anything ended in it.
        """
        calls = self.calls
        keys: list[Any] = [self._slices(calls, every), *([calls[by]] if by else [])]
        counts = calls.groupby([*keys, calls["outcome"]], observed=True).size()
        table = counts.unstack("outcome", fill_value=0).reindex(columns=OUTCOMES, fill_value=0)
        return (
            _timed(table, every) if by else _timed(_whole(table), every).fillna(0).astype("int64")
        )

    def percentiles(self, every: float | None = 1.0, by: str | None = None) -> pd.DataFrame:
        """Return latencies of the calls that were answered, in each ``every`` seconds.

        ``every=None`` takes the run as a whole; then ``by`` is needed. Percentiles are recorded
        latencies, none of them interpolated. Without ``by`` no slice is missing.
        """
        calls = self.calls[self.calls["end"].notna()]
        keys: list[Any] = [] if every is None else [self._slices(calls, every)]
        keys += [calls[by]] if by else []
        if not keys:
            raise CrossfootError(
                "percentiles of what?", remedy="Give every=1.0, or by='operation'."
            )
        grouped = calls.groupby(keys, observed=True)["latency_ms"]
        found = {"calls": grouped.size()}
        for percent in (50, 95, 99):
            found[f"p{percent}_ms"] = grouped.quantile(percent / 100, interpolation="higher")
        table = pd.DataFrame({**found, "max_ms": grouped.max()})
        if every is None:
            return table
        if by:
            return _timed(table, every)
        table = _timed(_whole(table), every)
        return table.assign(calls=table["calls"].fillna(0).astype("int64"))

    def of(self, calls: pd.DataFrame) -> RunFrames:
        """Return the same run with some of its calls."""
        return RunFrames(self._run, calls)

    def to_csv(self, folder: Path | str) -> list[Path]:
        """Write each frame into ``folder`` as CSV; return the files."""
        return self._write(folder, "csv", lambda frame, path: frame.to_csv(path, index=False))

    def to_parquet(self, folder: Path | str) -> list[Path]:
        """Write each frame into ``folder`` as Parquet. Raises CrossfootError without pyarrow."""
        if importlib.util.find_spec("pyarrow") is None:
            raise CrossfootError(
                "to_parquet needs pyarrow, which isn't installed",
                remedy="pip install 'crossfoot[parquet]', or use to_csv.",
            )
        return self._write(folder, "parquet", lambda frame, path: frame.to_parquet(path))

    def _write(
        self, folder: Path | str, suffix: str, write: Callable[[pd.DataFrame, Path], Any]
    ) -> list[Path]:
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        files = []
        for name in _NAMES:
            frame: pd.DataFrame = getattr(self, name)
            timed = frame.index.name is not None
            write(frame.reset_index() if timed else frame, place / f"{name}.{suffix}")
            files.append(place / f"{name}.{suffix}")
        return files

    def _slices(self, calls: pd.DataFrame, every: float) -> pd.Series[int]:
        moments = calls["end"].fillna(calls["start"])
        return (moments // every).astype("int64").rename("second")

    @cached_property
    def _samples(self) -> Sequence[tuple[float, Sample]]:
        head, samples = read_samples(self._run.folder)
        if head is None or not samples:
            return []
        extent = self._run.extents.get(clock_name(head.clock, head.machine))
        first = extent.first if extent else samples[0].at
        return [((each.at - first) / 1e9, each) for each in samples]

    def __repr__(self) -> str:
        calls = self.calls
        targets = ", ".join(map(str, calls["target"].unique()))
        return (
            f"<run {self.folder}: {len(calls)} calls of {targets} in {self._run.seconds:.1f} s,"
            f" {len(self.audits)} rounds of audits; .{', .'.join(_NAMES)}>"
        )


def load_run(path: Path | str) -> RunFrames:
    """Return a run's frames: of its folder, of ``crossfoot-out/latest``, or of one history.

    Raises ContentError where there are no calls.
    """
    return RunFrames(open_run(Path(path)))


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table by slices with those in it in which nothing happened."""
    count = int(table.index.max()) + 1 if len(table) else 0
    return table.reindex(pd.RangeIndex(count, name="second"))


def _timed(table: pd.DataFrame, every: float) -> pd.DataFrame:
    """Return a table by slices as one by seconds."""
    return table.rename(index=lambda number: number * every, level="second")


def _calls(run: RunCalls) -> pd.DataFrame:
    parts = []
    for each in run.files:
        first = run.extents[each.file.clock].first
        rows = [
            (call.id, call.session, call.operation, call.outcome.value, call.start, call.end,
             call.attempt, call.key, call.sqlstate)
            for call in each.calls()
        ]  # fmt: skip
        columns = [
            "id",
            "session",
            "operation",
            "outcome",
            "start",
            "end",
            "attempt",
            "key",
            "sqlstate",
        ]
        part = pd.DataFrame(rows, columns=columns)
        start, end = part["start"].astype("int64"), part["end"].astype("int64")
        answered = end > 0
        part["latency_ms"] = ((end - start) / 1e6).where(answered)
        part["start"], part["end"] = (start - first) / 1e9, ((end - first) / 1e9).where(answered)
        head = each.file.head
        part["target"], part["scenario"], part["kind"] = each.target, each.scenario, each.kind
        part["file"] = each.file.path.relative_to(run.folder).as_posix()
        part["machine"], part["clock"] = head.machine, head.clock
        parts.append(part)
    calls = pd.concat(parts, ignore_index=True).sort_values("start", ignore_index=True)
    for name in _CATEGORIES:
        calls[name] = calls[name].astype("category")
    calls["outcome"] = pd.Categorical(calls["outcome"], categories=OUTCOMES)
    calls["attempt"] = calls["attempt"].astype("int64")
    return calls[[
        "target", "scenario", "operation", "session", "outcome", "start", "end", "latency_ms",
        "attempt", "key", "sqlstate", "kind", "id", "file", "machine", "clock",
    ]]  # fmt: skip
