"""Plain text that is safe to show: nothing hidden in it, and as wide as it was asked to be."""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len

# Cc and Cf hold the terminal's escape sequences and the marks that reverse reading direction: text
# out of a database could repaint a terminal or show a line as another. Cs and Co have no glyph.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_LONG_WORD = re.compile(r"(?<=[_.,(/\-])")


def visible(text: str) -> str:
    r"""Return ``text`` with control and direction characters spelled out: ``\x1b``, ``\u202e``.

    Line feeds and tabs stay.
    """
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def one_line(text: str) -> str:
    """Return ``text`` with every run of white space as one space, and nothing hidden in it."""
    return visible(" ".join(text.split()))


def fit(text: str, width: int) -> str:
    """Return ``text`` cut or filled up to exactly ``width`` terminal columns."""
    if cell_len(text) > width:
        text = _head(text, width - 1) + "…"
    return text + " " * (width - cell_len(text))


def wrap(text: str, width: int, lines: int | None = None) -> list[str]:
    """Return ``text`` on one line or more of at most ``width`` columns, at most ``lines`` of them.

    Words that are too long break after ``_ . , ( / -`` where they can. What doesn't fit is cut, and
    ends in an ellipsis. Empty text gives no line.
    """
    wrapped: list[str] = []
    current = ""
    for piece in _pieces(one_line(text), width):
        if current and cell_len((current + piece).rstrip()) > width:
            wrapped.append(current.rstrip())
            current = ""
        current += piece
    if current:
        wrapped.append(current.rstrip())
    if lines is not None and len(wrapped) > lines:
        wrapped = wrapped[:lines]
        wrapped[-1] = _head(wrapped[-1], width - 1) + "…"
    return wrapped


def _pieces(text: str, width: int) -> list[str]:
    """Return what may stand on a line of its own, each with its space after it."""
    pieces: list[str] = []
    for word in text.split():
        if cell_len(word) <= width:
            pieces.append(word + " ")
            continue
        for part in _LONG_WORD.split(word):
            pieces.extend(_slices(part, width))
        pieces[-1] += " "
    return pieces


def _slices(text: str, width: int) -> list[str]:
    slices = []
    while text:
        head = _head(text, width)
        slices.append(head)
        text = text[len(head) :]
    return slices


def _head(text: str, width: int) -> str:
    """Return the beginning of ``text`` that fits ``width`` columns: one character at least."""
    end = len(text)
    while end > 1 and cell_len(text[:end]) > width:
        end -= 1
    return text[:end]
