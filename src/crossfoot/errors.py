"""What went wrong with the run itself, as opposed to with the system under test."""

from __future__ import annotations


class CrossfootError(Exception):
    """The run can't go on: a user's mistake or a missing part. Exit code 2.

    The message is one line that names the place and says what is missing;
    ``remedy`` says what to do about it. Never raised for a finding.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class ContentError(CrossfootError):
    """A content file (target.toml, audit, race, ...) doesn't say what it has to."""


class ServerError(CrossfootError):
    """PostgreSQL isn't there, isn't reachable, or refuses what the run needs."""
