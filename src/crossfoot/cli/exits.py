"""How a command ends when it can't go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeVar

import typer

from crossfoot.errors import CrossfootError

T = TypeVar("T")

ERROR = 2
INTERRUPTED = 130


def guard(job: Callable[[], T]) -> T:
    """Do something; a user's mistake is told in one line, and an interrupt ends it."""
    try:
        return job()
    except CrossfootError as error:
        stop(str(error))
    except KeyboardInterrupt:
        typer.echo("crossfoot: interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None


def stop(message: str) -> NoReturn:
    """Say what is wrong, and end with exit code 2."""
    typer.echo(f"crossfoot: {message}", err=True)
    raise typer.Exit(ERROR) from None
