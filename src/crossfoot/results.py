"""What a run concluded, as data. ``report.json`` is a :class:`Run`; every other report is a view of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from crossfoot.verdicts import Severity, Verdict, worst

SCHEMA_VERSION = "1"


class Kind(StrEnum):
    """The kinds of check."""

    RACE = "race"
    CONTRACT = "contract"
    AUDIT = "audit"
    LINT = "lint"
    RETRY = "retry"
    BURST = "burst"
    LOAD = "load"
    HISTORY = "history"


class Property(StrEnum):
    """What a check speaks about: the columns of the report's matrix."""

    SERIAL = "serial"
    DEADLOCK = "deadlock"
    REPLAY = "replay"
    RETRY = "retry"
    INPUT = "input"
    STATE = "state"
    LEDGER = "ledger"
    ACCESS = "access"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LaneStep(_Model):
    """One row of an interleaving: what one session did while the others stood still.

    ``kind`` is one of: ``call`` (the client sends a statement), ``step`` (a statement inside a
    function runs), ``wait`` (the session now waits for a lock), ``wake`` (it got the lock and went
    on), ``timeout`` (it didn't: its lock_timeout ran out), ``return`` (the call came back),
    ``commit``, ``rollback``, ``error``.
    ``source`` says where the statement stands (``schema.function:line``), ``note`` what came of it
    ("reads v_balance = 100"; "waits for buyer_a"; "refused: Insufficient credits").
    """

    number: int
    session: str
    kind: Literal[
        "call", "step", "wait", "wake", "timeout", "return", "commit", "rollback", "error"
    ]
    text: str
    source: str = ""
    note: str = ""


class Lanes(_Model):
    """An interleaving to be drawn with a column per session and a row per step, top to bottom."""

    sessions: list[str]
    steps: list[LaneStep]
    outcomes: dict[str, str] = Field(default_factory=dict)
    state: list[dict[str, str | None]] = Field(default_factory=list)


class Waiver(_Model):
    """Why a finding is tolerated, and until when. Waived findings stay visible and don't fail a run."""

    reason: str
    until: date


class Remedy(_Model):
    """A change that was tried on a race that fails: what it is, where, as SQL, and what came of it.

    ``holds`` says that no schedule failed any more among those that were run; ``says`` how many those
    were, and what the change costs them.
    """

    what: str
    where: str = ""
    sql: str = ""
    holds: bool
    says: str


class Finding(_Model):
    """One violation, with its evidence and how to see it again.

    ``summary`` is one line that names the subject and the contradiction; ``explanation`` a paragraph
    of plain text that ends on it. ``rows`` are offending rows, rendered as text. ``anomaly`` is the
    name of the concurrency anomaly or the class of the mistake, where there is one. ``violates`` says
    what a schedule violates: "serial order", "audit item_sold_once", "expect at most 1 ok",
    "deadlock". ``confirmed`` is (times seen again, times replayed). ``prevention`` says, a line each,
    what the same race does at stronger isolation levels, and what that costs; ``remedies`` the same
    for locks and constraints. ``regression_race`` is the text of a race file that runs the failing
    schedule first; ``script`` one for psql that shows the finding without Crossfoot.
    """

    subject: str
    summary: str
    explanation: str = ""
    anomaly: str = ""
    violates: list[str] = Field(default_factory=list)
    rows: list[dict[str, str | None]] = Field(default_factory=list)
    total_rows: int | None = None
    lanes: Lanes | None = None
    serial: list[str] = Field(default_factory=list)
    replay: str = ""
    confirmed: tuple[int, int] | None = None
    prevention: list[str] = Field(default_factory=list)
    remedies: list[Remedy] = Field(default_factory=list)
    regression_race: str = ""
    script: str = ""
    waiver: Waiver | None = None


class Exploration(_Model):
    """How much of a race was looked at.

    ``schedules`` is how many interleavings were judged. Those that only swap steps of which neither
    writes what the other touches count once; ``equal`` is how many others ran before that was seen.
    ``complete`` says that there are no others at statement level. Otherwise ``preemption_bound`` is
    the largest number of preemptions up to which every schedule ran (None: not even the
    non-preemptive ones), and ``left`` how many schedules were known and not run. ``stopped`` says
    that the search ended at the first counterexample.
    """

    schedules: int = 0
    equal: int = 0
    complete: bool = False
    preemption_bound: int | None = None
    left: int = 0
    stopped: bool = False
    serial_orders: int = 0
    failing: int = 0
    with_waits: int = 0
    deadlocks: int = 0
    retryable: int = 0
    isolation: str = "read committed"
    steps: int = 0

    @property
    def coverage(self) -> str:
        """Return "63 of 63 schedules" or "2000 schedules, all with at most 2 preemptions"."""
        schedules = "1 schedule" if self.schedules == 1 else f"{self.schedules} schedules"
        if self.stopped:
            return f"{schedules}, then stopped at a counterexample"
        if self.complete:
            return f"{self.schedules} of {schedules}"
        if self.preemption_bound is None:
            return f"{schedules}, a sample"
        times = "preemption" if self.preemption_bound == 1 else "preemptions"
        return f"{schedules}, all with at most {self.preemption_bound} {times}"


class Figure(_Model):
    """One figure of a load, and what it should be.

    ``value`` is None where nothing was there to measure it by; ``samples`` says by how much it was
    measured. ``expect`` and ``alert`` are as in target.toml, empty without a threshold. ``standing``
    is ``expected``, ``unexpected`` (outside of what is expected, which is no finding), ``alert``
    (which is one), or empty where there is no value or no threshold.
    """

    name: str
    value: float | None
    unit: str = ""
    samples: int = 0
    about: str = ""
    expect: str = ""
    alert: str = ""
    standing: Literal["", "expected", "unexpected", "alert"] = ""


class OperationFigures(_Model):
    """How the calls of one operation went. ``over`` is ``direct`` or ``http``; latencies are ms.

    Latencies are of calls that were answered. ``retried`` counts calls that repeat another one.
    """

    operation: str
    over: Literal["direct", "http"]
    calls: int
    per_second: float
    outcomes: dict[str, int]
    retried: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    slowest_ms: float | None


class Waits(_Model):
    """How many sessions waited for a lock with one query, on average, in each slice of time."""

    query: str
    mean: float
    longest_seconds: float
    over_time: list[float | None]


class Figures(_Model):
    """What a load measured, overall and in slices of time of ``slice_seconds`` each.

    ``over_time`` has columns of equal length, a value per slice from the first call on: each outcome
    in calls per second, ``retries`` per second, ``p50_ms``, ``p95_ms`` and ``p99_ms`` (None where no
    call was answered). A last slice that was cut short is left out. ``waits`` are the queries that
    waited for locks most, by ``looks`` looks at the server. ``drift`` has ``at`` (seconds) and
    ``accounts`` (how many balances weren't the sum of their entries), a value per round of audits.
    """

    seconds: float
    slice_seconds: float
    measured: list[Figure] = Field(default_factory=list)
    operations: list[OperationFigures] = Field(default_factory=list)
    over_time: dict[str, list[float | None]] = Field(default_factory=dict)
    looks: int = 0
    waits: list[Waits] = Field(default_factory=list)
    drift: dict[str, list[float]] = Field(default_factory=dict)


class Check(_Model):
    """One check of one target: what it asked, of what, and what came out.

    ``reason`` says why the verdict is ``unknown`` or ``not applicable``, with the remedy where there
    is one. ``population`` says what an audit looked at, e.g. ``{"accounts": "12", "sum of
    entries": "340"}``. ``operations`` are those that the check exercised; empty means the whole
    target.
    """

    kind: Kind
    name: str
    title: str
    verdict: Verdict
    severity: Severity = Severity.HIGH
    properties: list[Property] = Field(default_factory=list)
    detects: list[str] = Field(default_factory=list)
    operations: list[str] = Field(default_factory=list)
    file: str = ""
    about: str = ""
    reason: str = ""
    findings: list[Finding] = Field(default_factory=list)
    population: dict[str, str] = Field(default_factory=dict)
    exploration: Exploration | None = None
    figures: Figures | None = None
    seconds: float = 0.0


class Operation(_Model):
    """One operation of a target, as the report's matrix lists it."""

    name: str
    function: str
    call: str


Fate = Literal["", "killed", "equivalent", "gap", "meant", "stillborn"]


class Kill(_Model):
    """What became of one form of a broken variant.

    ``form`` is ``as written`` or ``without its constraint``. ``caught_by`` are the checks, as
    ``"race two_buyers_one_lead"``, that failed on it; ``expected`` those that its header names.
    ``verdict`` is ``pass`` when every expected check failed on the variant, ``fail`` when one
    didn't, ``unknown`` when one couldn't run. ``not_run`` are checks left out because they never
    reach what the variant changed.

    Of a mutant (a guard taken away by ``prove --mutate``) it says in ``fate`` what became of it, with
    the guard's ``file`` and ``line`` and the change as ``diff``. A gap that is meant passes.
    """

    variant: str
    title: str
    mistake: str
    hurts: str
    form: str = "as written"
    expected: list[str] = Field(default_factory=list)
    caught_by: list[str] = Field(default_factory=list)
    not_run: list[str] = Field(default_factory=list)
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    fate: Fate = ""
    file: str = ""
    line: int = 0
    diff: str = ""


class KillMatrix(_Model):
    """Broken variants against checks: the proof that the suite can fail."""

    checks: list[str]
    kills: list[Kill]

    @property
    def verdict(self) -> Verdict:
        """Return the worst verdict of the variants."""
        return worst(kill.verdict for kill in self.kills)


class MutantTotals(_Model):
    """How many mutants came to which end. A gap that is meant counts under ``meant`` alone."""

    killed: int = 0
    gaps: int = 0
    meant: int = 0
    equivalent: int = 0
    stillborn: int = 0

    @classmethod
    def of(cls, mutants: Iterable[Kill]) -> MutantTotals:
        """Count them."""
        fates = Counter(mutant.fate for mutant in mutants)
        return cls(
            killed=fates["killed"],
            gaps=fates["gap"],
            meant=fates["meant"],
            equivalent=fates["equivalent"],
            stillborn=fates["stillborn"],
        )

    @property
    def tested(self) -> int:
        """Return how many of them the suite should have noticed."""
        return self.killed + self.gaps + self.meant


class TargetResult(_Model):
    """Everything a run found out about one target. ``mutant_totals`` counts the ``mutants``, if any."""

    name: str
    about: str
    verdict: Verdict
    operations: list[Operation] = Field(default_factory=list)
    checks: list[Check] = Field(default_factory=list)
    absent: dict[str, str] = Field(default_factory=dict)
    not_covered: list[str] = Field(default_factory=list)
    kill_matrix: KillMatrix | None = None
    mutants: list[Kill] = Field(default_factory=list)
    mutant_totals: MutantTotals | None = None
    seconds: float = 0.0


class Environment(_Model):
    """Where the run took place. DSNs appear without password."""

    crossfoot: str
    postgresql: str
    server: str
    python: str
    platform: str
    settings: dict[str, str] = Field(default_factory=dict)


class Run(_Model):
    """One run: the whole content of report.json."""

    schema_version: Literal["1"] = "1"
    run_id: str
    command: str
    started_at: datetime
    seconds: float
    verdict: Verdict
    exit_code: int
    seed: int
    bounds: dict[str, str] = Field(default_factory=dict)
    limits: list[str] = Field(default_factory=list)
    environment: Environment
    targets: list[TargetResult]

    def dump(self) -> dict[str, Any]:
        """Return the run as plain JSON values."""
        return self.model_dump(mode="json")
