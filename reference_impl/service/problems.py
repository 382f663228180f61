"""Errors as RFC 9457 has them: application/problem+json, the same shape for every one.

``reason`` is the word for programs. What goes wrong inside is logged, never told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from clients.retry import Busy, OutcomeUnknown, Refused
from service.refusals import STATUS_OF

MEDIA_TYPE = "application/problem+json"
SOON = 1  # seconds: what Retry-After says


class Invalid(BaseModel):
    """One thing that is wrong with a request."""

    where: list[str | int]
    what: str


class ProblemBody(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    reason: str = Field(description="What went wrong, as one word for programs")
    key: str | None = Field(None, description="Repeat the request under this key")
    retry_after: int | None = Field(None, description="Seconds, as in Retry-After")
    invalid: list[Invalid] | None = None


class Problem(Exception):  # noqa: N818 (an answer)
    """An answer that isn't what was asked for. ``more`` are members of the body."""

    def __init__(self, status: int, reason: str, detail: str, **more: Any) -> None:
        super().__init__(reason)
        self.status, self.reason, self.detail, self.more = status, reason, detail, more

    def response(self) -> JSONResponse:
        """Return the response."""
        return _response(self.status, self.reason, self.detail, **self.more)


def unexpected() -> JSONResponse:
    """Return the answer for what nobody has foreseen. It says nothing about it."""
    return _response(500, "unexpected", "Something went wrong here. It has been logged.")


def refused(error: Refused) -> Problem:
    """Return the answer for a business refusal."""
    return Problem(STATUS_OF.get(error.reason, 409), error.reason, error.message)


@contextmanager
def repeatable(key: object) -> Iterator[None]:
    """Name the key under which a request that isn't finished has to be repeated.

    A request may take several calls. Where one of them is busy or its outcome unknown, those before
    it have happened, so even "busy" has to be repeated under the same key.
    """
    try:
        yield
    except Busy as error:
        raise _busy(str(key)) from error
    except OutcomeUnknown as error:
        raise _unknown(str(key)) from error


def add_handlers(app: FastAPI) -> None:
    """Let every error of the app be answered as a problem."""
    app.add_exception_handler(Problem, lambda _, error: error.response())
    app.add_exception_handler(Refused, lambda _, error: refused(error).response())
    app.add_exception_handler(Busy, lambda *_: _busy(None).response())
    app.add_exception_handler(OutcomeUnknown, _outcome_unknown)
    app.add_exception_handler(asyncpg.PostgresError, _database)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of an operation: these statuses, and those that any may have."""
    return {status: _documentation(status) for status in sorted({*statuses, 422, 500, 503})}


def schemas() -> dict[str, Any]:
    """Return what :func:`documented` refers to, for the OpenAPI document."""
    whole = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = whole.pop("$defs")
    return {**parts, ProblemBody.__name__: whole}


def _documentation(status: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}
    found: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    if status == 503:
        found["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "required": True}}
    return found


def _busy(key: str | None) -> Problem:
    return Problem(503, "busy", "Nothing happened. Try again.", key=key, retry_after=SOON)


def _unknown(key: str | None) -> Problem:
    detail = "It may have happened or not. Repeat the request under the same key."
    return Problem(503, "outcome_unknown", detail, key=key, retry_after=SOON)


def _outcome_unknown(_: Request, error: Exception) -> JSONResponse:
    key = getattr(error, "key", None)
    return _unknown(None if key is None else str(key)).response()


def _database(request: Request, error: Exception) -> JSONResponse:
    from service.logs import where

    request.app.state.log.error("database_error", **where(error))
    return _response(500, "database_error", "The database refused the call. It has been logged.")


def _invalid(_: Request, error: Exception) -> JSONResponse:
    # Without the input, which may be a secret or not even be text.
    assert isinstance(error, RequestValidationError)
    found = [{"where": list(each["loc"]), "what": each["msg"]} for each in error.errors()]
    return _response(422, "invalid_request", "The request isn't well-formed.", invalid=_text(found))


def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 400:
        # FastAPI's answer to a body that can't even be decoded. Other bodies that are no JSON get 422.
        return _response(422, "invalid_request", "The body can't be read.")
    phrase = HTTPStatus(error.status_code).phrase
    reason = phrase.lower().replace(" ", "_")
    return _response(error.status_code, reason, phrase, headers=error.headers)


def _response(
    status: int,
    reason: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    title = HTTPStatus(status).phrase
    body = ProblemBody(title=title, status=status, detail=_text(detail), reason=reason, **more)
    given = dict(headers or {})
    if body.retry_after is not None:
        given["Retry-After"] = str(body.retry_after)
    return JSONResponse(body.model_dump(exclude_none=True), status, given, MEDIA_TYPE)


def _text(value: Any) -> Any:
    """Return the value with every string fit to be sent: half a surrogate pair can't be encoded."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_text(each) for each in value]
    if isinstance(value, dict):
        return {name: _text(each) for name, each in value.items()}
    return value
