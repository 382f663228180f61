"""Waivers: findings that somebody decided to live with, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase

from crossfoot.results import Check, Waiver
from crossfoot.target import WaiverEntry
from crossfoot.verdicts import Verdict


def apply_waivers(checks: Sequence[Check], entries: Sequence[WaiverEntry], today: date) -> None:
    """Mark waived findings; a check whose findings are all waived passes, and says so.

    An expired waiver doesn't count, and the check says that too.
    """
    for check in checks:
        for entry in entries:
            if entry.check == f"{check.kind} {check.name}":
                _apply(check, entry, today)
        if check.findings and all(finding.waiver for finding in check.findings):
            check.verdict = Verdict.PASS
            check.reason = "every finding is waived"


def _apply(check: Check, entry: WaiverEntry, today: date) -> None:
    for finding in check.findings:
        if not fnmatchcase(finding.subject, entry.subject):
            continue
        if entry.until < today:
            check.reason = f"a waiver ended on {entry.until}: {entry.reason}"
        else:
            finding.waiver = Waiver(reason=entry.reason, until=entry.until)
