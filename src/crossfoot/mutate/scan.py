"""Tokens of a function's body, with what reading SQL needs: depth, ends of clauses, statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crossfoot.errors import ContentError
from crossfoot.sql import Statement, Token, tokens

# What ends a WHERE or an ORDER BY at its own depth.
CLAUSES = frozenset(
    {
        *("where", "group", "having", "window", "union", "intersect", "except", "order", "limit"),
        *("offset", "fetch", "for", "returning", "into", "loop", "then", "do", "on", ";"),
    }
)
_STARTS = frozenset({"", ";", "begin", "then", "else", "loop", ">>", "declare"})


@dataclass(frozen=True)
class Body:
    """A function's statement, and where its body's tokens stand in it.

    ``data`` is the whole statement in bytes; the offsets of ``tokens`` are offsets into it. ``line``
    is the line of the file on which the statement starts.
    """

    name: str
    arguments: str
    language: str
    data: bytes
    line: int
    source: str
    tokens: Sequence[Token] = field(repr=False)

    def word(self, at: int) -> str:
        """Return a token's word; "" beyond either end."""
        return self.tokens[at].word if 0 <= at < len(self.tokens) else ""

    def text(self, start: int, end: int) -> str:
        """Return the text of the tokens ``start`` up to ``end``, comments and line breaks left out."""
        found = []
        before: Token | None = None
        for token in self.tokens[start:end]:
            if before and token.start > before.end:
                found.append(" ")
            found.append(token.text)
            before = token
        return "".join(found)

    def line_of(self, at: int) -> int:
        """Return the line of the file on which a token stands."""
        return self.line + self.data.count(b"\n", 0, self.tokens[at].start)

    def until(self, start: int, ends: Callable[[str], bool]) -> int:
        """Return the first token from ``start`` on, at that depth, for which ``ends`` holds.

        The parenthesis that closes around ``start`` ends it too, and so does the end of the body.
        """
        depth = cases = 0
        for at in range(start, len(self.tokens)):
            word = self.word(at)
            if depth == cases == 0 and ends(word):
                return at
            depth += (word in {"(", "["}) - (word in {")", "]"})
            if depth < 0:
                return at
            if depth == 0:
                cases += (word == "case") - (word == "end" and cases > 0)
        return len(self.tokens)

    def split(self, start: int, end: int, word: str) -> list[tuple[int, int]]:
        """Cut an expression at each ``word`` (and, or) of its own depth; BETWEEN keeps its AND."""
        parts: list[tuple[int, int]] = []
        between = False
        at = begin = start
        while at < end:
            at = self.until(at, lambda each: each in {word, "between"})
            if at >= end:
                break
            if self.word(at) == "between":
                between = word == "and"
            elif between:
                between = False
            else:
                parts.append((begin, at))
                begin = at + 1
            at += 1
        return [*parts, (begin, end)]

    def begins_statement(self, at: int) -> bool:
        """Say whether a token is where a PL/pgSQL statement begins."""
        return self.word(at - 1) in _STARTS


def body_of(statement: Statement) -> Body | None:
    """Return the body of a CREATE FUNCTION or PROCEDURE; None for any other statement.

    A body in single quotes is none either: where it stands can't be told from its text.
    """
    found = tokens(statement.text)
    words = [token.word for token in found]
    at = 3 if words[1:3] == ["or", "replace"] else 1
    if words[:1] != ["create"] or words[at : at + 1] not in (["function"], ["procedure"]):
        return None
    opened = words.index("(") if "(" in words else len(words)
    name = "".join(words[at + 1 : opened]).replace('"', "")
    language = words[words.index("language") + 1] if "language" in words else "sql"
    data = statement.text.encode()
    for number, token in enumerate(found):
        if token.kind == "SCONST" and token.text.startswith("$"):
            tag = token.text.index("$", 1) + 1
            inner, offset = token.text[tag:-tag], token.start + len(token.text[:tag].encode())
            break
        if token.word == "atomic" and words[number - 1] == "begin":
            inner, offset = data[token.end :].decode(), token.end
            break
    else:
        return None
    try:
        shifted = [
            Token(each.text, each.kind, each.start + offset, each.end + offset)
            for each in tokens(inner)
        ]
    except ContentError:
        return None  # in a language that isn't SQL's
    arguments = " ".join(words[opened : _closing(words, opened)])
    return Body(name, arguments, language, data, statement.line, inner, shifted)


def _closing(words: Sequence[str], opened: int) -> int:
    depth = 0
    for at in range(opened, len(words)):
        depth += (words[at] == "(") - (words[at] == ")")
        if depth == 0:
            return at + 1
    return len(words)
