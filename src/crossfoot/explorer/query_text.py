"""The SQL that a PL/pgSQL statement runs, as PostgreSQL's own parser can read it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from crossfoot.sql import Token

_EXPRESSIONS = {"if", "elsif", "elseif", "when", "while"}
_NAME = re.compile(r"\w+$")
_OPAQUE = {"execute", "call", "case", "raise", "open", "fetch", "move", "close", "assert", "merge"}


def as_query(text: str, words: Sequence[Token]) -> str:
    """Return SQL that reads and writes what a PL/pgSQL statement does; "" if it can't be said."""
    data = text.encode()

    def rest(at: int) -> str:
        return data[words[at].start :].decode() if at < len(words) else ""

    first, second = ([token.word for token in words[:2]] + ["", ""])[:2]
    if first in _OPAQUE or "execute" in {token.word for token in words}:
        return ""
    if first in {"select", "insert", "update", "delete", "with"}:
        return _without_into(text, words)
    if first == "perform" or first in _EXPRESSIONS:
        return f"select {rest(1)}"
    if first == "return":
        return rest(2) if second == "query" else f"select {rest(1)}"
    if first == "for":
        at = next((at for at, token in enumerate(words) if token.word == "in"), len(words))
        return rest(at + 1)
    at = next((at for at, token in enumerate(words) if token.text in {":=", "="}), 0)
    return f"select {rest(at + 1)}" if _is_target(words[:at]) else ""


def _is_target(words: Sequence[Token]) -> bool:
    """Say whether this is what a value is assigned to: ``name``, ``record.field``, ``list[index]``."""
    said = [token.text for token in words]
    while said[-1:] == ["]"] and said[-3:-2] == ["["]:
        said = said[:-3]
    return len(said) % 2 == 1 and all(
        text == "." if at % 2 else bool(_NAME.match(text)) for at, text in enumerate(said)
    )


def _without_into(text: str, words: Sequence[Token]) -> str:
    """Leave out ``into [strict] target, ...``, which is PL/pgSQL's."""
    depth = 0
    for at, token in enumerate(words):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.word == "into" and words[at - 1].word not in {"insert", "merge"}:
            end = at + 1 + (words[at + 1].word == "strict")
            while end + 1 < len(words) and words[end + 1].text in {".", ","}:
                end += 2
            data = text.encode()
            return (data[: token.start] + data[words[end].end :]).decode()
    return text
