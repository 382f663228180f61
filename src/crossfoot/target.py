"""A target: the credit system under test, as its target.toml binds it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from crossfoot.content import Content, content_around, shipped_content
from crossfoot.errors import ContentError
from crossfoot.figures.bindings import FigureOf, Threshold, unknown_threshold
from crossfoot.headers import read_text
from crossfoot.verdicts import RETRYABLE_SQLSTATES

# What audits may speak of: each canonical relation with its columns and their types. A binding is a
# select that yields these columns under these names; it is cast to these types where it is used.
RELATIONS: dict[str, dict[str, str]] = {
    "account": {"account_id": "text", "balance": "numeric"},
    "entry": {
        "account_id": "text",
        "entry_no": "bigint",
        "amount": "numeric",
        "balance_before": "numeric",
        "balance_after": "numeric",
        "kind": "text",
        "reference": "text",
        "request_key": "text",
        "created_at": "timestamptz",
    },
    "item": {
        "item_id": "text",
        "status": "text",
        "sold_count": "integer",
        "sold_at": "timestamptz",
    },
    "purchase": {
        "purchase_id": "text",
        "account_id": "text",
        "status": "text",
        "method": "text",
        "amount": "numeric",
        "created_at": "timestamptz",
        "expires_at": "timestamptz",
        "completed_at": "timestamptz",
    },
    "purchase_item": {
        "purchase_id": "text",
        "item_id": "text",
        "price": "numeric",
        "sold": "boolean",
    },
    "charge": {"charge_id": "text", "account_id": "text", "amount": "numeric"},
    "refund": {"charge_id": "text", "account_id": "text", "amount": "numeric"},
    "payment": {
        "payment_id": "text",
        "account_id": "text",
        "amount": "numeric",
        "status": "text",
        "entry_no": "bigint",
    },
    "hold": {
        "hold_id": "text",
        "account_id": "text",
        "amount": "numeric",
        "settled": "numeric",
        "returned": "numeric",
    },
    "usage": {
        "usage_id": "text",
        "account_id": "text",
        "amount": "numeric",
        "status": "text",
        "entry_no": "bigint",
    },
    "transfer": {
        "transfer_id": "text",
        "from_account": "text",
        "to_account": "text",
        "amount": "numeric",
        "spend_entry_no": "bigint",
        "earn_entry_no": "bigint",
    },
    "allocation": {
        "allocation_id": "text",
        "account_id": "text",
        "subscription_id": "text",
        "period_start": "timestamptz",
        "amount": "numeric",
        "entry_no": "bigint",
    },
    "log_line": {
        "log_no": "bigint",
        "account_id": "text",
        "entry_no": "bigint",
        "balance_before": "numeric",
        "balance_after": "numeric",
    },
    "claim": {
        "claim_id": "text",
        "status": "text",
        "stripe_key": "text",
        "resource_id": "text",
        "created_at": "timestamptz",
        "completed_at": "timestamptz",
    },
    "webhook_event": {"event_id": "text", "status": "text", "effect": "text"},
}

_REFUSED_RESULT = re.compile(r"result\.(\w+)\s*=\s*(.+)")
_REFUSED_ERROR = re.compile(r"([0-9A-Z]{5})(?:\s+(.*))?")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EntryOf(_Table):
    """An entry that a call which ends ok leaves in the ledger, so that a history can be checked.

    ``key``, ``reference`` and ``kind`` are what the entry has in these columns of the relation
    ``entry``: text in which ``:name`` stands for an argument of the call. ``account`` and ``amount``
    likewise (``"-:amount"`` takes credits away; ``"0"`` writes no entry and only tells the balance);
    ``balance`` is the column of the answer (``"result.new_balance"``) that tells the balance
    afterwards. Calls of which ``request`` is equal leave one entry together, however often they are
    sent; where it isn't given, it is the key, else the reference and the kind. ``when`` limits it to
    calls with an argument of this value (``":type = debit"``).
    """

    when: str = Field(default="", pattern=r"^(:\w+ = \S+)?$")
    account: str = ""
    key: str = ""
    reference: str = ""
    kind: str = ""
    amount: str = Field(default="", pattern=r"^(-?(:\w+|result\.\w+|\d+))?$")
    balance: str = Field(default="", pattern=r"^(result\.\w+)?$")
    request: str = ""


class Operation(_Table):
    """One call that moves or grants credit.

    ``refused`` says which endings are business answers: ``"P0001 Some leads*"`` (SQLSTATE, and a
    glob of the message) or ``"result.success = false"`` (a column of the first row). ``arguments``
    gives arguments, by name, as SQL over the fixtures' values, where races are generated.
    ``entries`` says what it leaves in the ledger, ``insufficient`` which refusals (as in ``refused``)
    mean that an account doesn't hold enough: both for histories.
    """

    call: str
    about: str = ""
    refused: list[str] = Field(default_factory=list)
    insufficient: list[str] = Field(default_factory=list)
    arguments: dict[str, str] = Field(default_factory=dict)
    moves: list[str] = Field(default_factory=list)
    entries: list[EntryOf] = Field(default_factory=list)

    @field_validator("refused", "insufficient")
    @classmethod
    def _well_formed(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            if not (_REFUSED_RESULT.fullmatch(pattern) or _REFUSED_ERROR.fullmatch(pattern)):
                raise ValueError(
                    f"{pattern!r} is neither 'SQLSTATE message*' nor 'result.column = value'"
                )
            if pattern[:5] in RETRYABLE_SQLSTATES:
                raise ValueError(
                    f"{pattern!r}: {pattern[:5]} means 'send it again', so it can't be a refusal"
                )
        return patterns

    @property
    def function(self) -> str:
        """Return the name of the function that the call calls, as it is written there."""
        called = re.search(
            r"([\w.\"]+)\s*\(",
            re.sub(r"^\s*(select\s+\*\s+from|select|call)\s", "", self.call, flags=re.I),
        )
        return called[1] if called else self.call

    def refuses_error(self, sqlstate: str, message: str) -> bool:
        """Say whether an error of this SQLSTATE and message is a business answer."""
        return _error_is_like(self.refused, sqlstate, message)

    def refuses_result(self, row: dict[str, str | None]) -> bool:
        """Say whether a first row, rendered as text, is a business answer."""
        return _row_is_like(self.refused, row)

    def lacks_credits(self, sqlstate: str, message: str, row: dict[str, str | None]) -> bool:
        """Say whether a refusal, an error or a first row, means that the balance doesn't suffice."""
        if sqlstate:
            return _error_is_like(self.insufficient, sqlstate, message)
        return _row_is_like(self.insufficient, row)


def _error_is_like(patterns: Sequence[str], sqlstate: str, message: str) -> bool:
    for pattern in patterns:
        match = _REFUSED_ERROR.fullmatch(pattern)
        if match and match[1] == sqlstate and fnmatchcase(message, match[2] or "*"):
            return True
    return False


def _row_is_like(patterns: Sequence[str], row: dict[str, str | None]) -> bool:
    for pattern in patterns:
        match = _REFUSED_RESULT.fullmatch(pattern)
        if match and match[1] in row:
            value = row[match[1]]
            if fnmatchcase("null" if value is None else value, match[2].strip().strip("'")):
                return True
    return False


class Fixture(_Table):
    """What races, bursts and generated pairs are made of: values to draw, and the SQL that uses them."""

    values: dict[str, str | int | float | bool]
    sql: str


class WaiverEntry(_Table):
    """A finding that is tolerated, why, and until which day."""

    check: str
    subject: str = "*"
    reason: str = Field(min_length=1)
    until: date


class _TargetTable(_Table):
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    about: str
    sql: list[str] = Field(min_length=1)
    schemas: list[str] = Field(default_factory=list)
    role: str | None = None
    roles: list[str] = Field(default_factory=list)
    balance: str | None = Field(default=None, pattern=r"^[^.]+\.[^.]+\.[^.]+$")
    ledger: str | None = Field(default=None, pattern=r"^[^.]+\.[^.]+$")


class Target(_Table):
    """One target. Built by :func:`load_target`; the fields are the tables of target.toml."""

    target: _TargetTable
    operations: dict[str, Operation] = Field(default_factory=dict)
    fixtures: dict[str, Fixture] = Field(default_factory=dict)
    relations: dict[str, str] = Field(default_factory=dict)
    absent: dict[str, str] = Field(default_factory=dict)
    figures: dict[str, FigureOf] = Field(default_factory=dict)
    thresholds: dict[str, dict[str, Threshold]] = Field(default_factory=dict)
    waivers: list[WaiverEntry] = Field(default_factory=list)
    _file: Path = PrivateAttr()
    _content: Content = PrivateAttr()

    @field_validator("relations", "absent")
    @classmethod
    def _known(cls, bound: dict[str, str]) -> dict[str, str]:
        for name in bound:
            if name not in RELATIONS:
                raise ValueError(f"unknown relation '{name}'; known: {', '.join(RELATIONS)}")
        return bound

    @model_validator(mode="after")
    def _measured(self) -> Target:
        if unknown := unknown_threshold(self.thresholds, self.figures):
            raise ValueError(f"thresholds.{unknown}")
        return self

    @property
    def name(self) -> str:
        """Return the target's name."""
        return self.target.name

    @property
    def about(self) -> str:
        """Return the target's sentence."""
        return self.target.about

    @property
    def file(self) -> Path:
        """Return the path of the target.toml."""
        return self._file

    @property
    def content(self) -> Content:
        """Return the content around the target: its races, contracts and audits."""
        return self._content

    @property
    def schemas(self) -> list[str]:
        """Return the schemas that hold the target's tables and functions."""
        return self.target.schemas or [self.name]

    @property
    def sql_files(self) -> list[Path]:
        """Return the SQL files in the order in which they apply. Raises ContentError if one is missing."""
        found: list[Path] = []
        for pattern in self.target.sql:
            matches = sorted(self._file.parent.glob(pattern))
            if not matches:
                raise ContentError(
                    f"{self._file}: [target] sql: no file matches {pattern!r}",
                    remedy="Patterns are relative to the folder of target.toml.",
                )
            found += [match for match in matches if match not in found]
        return found

    @property
    def broken(self) -> list[Path]:
        """Return the broken variants' files."""
        return sorted(self._file.parent.glob("broken/*.sql"))


def load_target(path: Path) -> Target:
    """Read a target.toml. Raises ContentError naming file, key and remedy."""
    text = read_text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ContentError(f"{path}: not TOML: {error}") from error
    try:
        target = Target.model_validate(table)
    except ValidationError as error:
        raise ContentError(
            f"{path}: {_first(error)}", remedy="See 'target.toml' in CONTRIBUTING.md."
        ) from error
    target._file = path
    target._content = content_around(path)
    return target


def find_targets(names: Sequence[str]) -> list[Target]:
    """Return the targets of these names, folders or target.toml paths; none means all that are near.

    Near is ``reference_impl/`` or ``target.toml`` below the current folder, else what came with
    Crossfoot. Raises ContentError for a name that is neither.
    """
    here = Content(Path.cwd())
    near = here.targets or [path for path in [Path("target.toml")] if path.is_file()]
    offered = near or shipped_content().targets
    if not names:
        return [load_target(path) for path in offered]
    return [load_target(_find(name, [*near, *shipped_content().targets])) for name in names]


def _find(name: str, offered: Sequence[Path]) -> Path:
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    if (path / "target.toml").is_file():
        return path / "target.toml"
    named = {_name(candidate): candidate for candidate in reversed(offered)}
    if name in named:
        return named[name]
    known = sorted(named)
    raise ContentError(
        f"no target {name!r}",
        remedy=f"Name one of: {', '.join(known)}; or give the path of a target.toml.",
    )


def _name(path: Path) -> str:
    """Return a target's name without judging the rest of its file: the folder's name if it has none."""
    try:
        return str(tomllib.loads(read_text(path))["target"]["name"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return path.resolve().parent.name


def _first(error: ValidationError) -> str:
    """Return the first problem as one line: key and what is wrong with it."""
    # A misspelt key also makes the right one missing; the misspelling is what to say.
    problems: list[Any] = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    problem = problems[0]
    key = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "no such key"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"[{key}] {message}{more}"
