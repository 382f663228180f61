"""Broken variants: the right code with one known mistake, which proves that a check can fail.

A variant is written as a change of the right file (``changes:`` in its header, then pairs of
``-- @instead of`` and ``-- @write``), so that it can't drift away from it; or, without ``changes:``,
as SQL that runs on top.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from crossfoot.errors import ContentError
from crossfoot.headers import read_header, read_text
from crossfoot.results import Kind
from crossfoot.scenario import read_directives
from crossfoot.target import Target

_KEYS = {
    "title",
    "class",
    "operation",
    "hurts",
    "caught-by",
    "unmask",
    "caught-unmasked",
    "changes",
}


@dataclass(frozen=True)
class Change:
    """Lines of the right file, and what stands in their place in the broken one."""

    right: str
    wrong: str
    line: int


@dataclass(frozen=True)
class Variant:
    """One broken variant.

    ``caught_by`` are checks ("race two_buyers_one_lead") that must fail on it as written,
    ``caught_unmasked`` those that must fail when the statements of ``unmask`` ran too.
    """

    name: str
    path: Path
    file: str
    title: str
    mistake: str
    operation: str
    hurts: str
    caught_by: tuple[str, ...]
    unmask: tuple[str, ...] = ()
    caught_unmasked: tuple[str, ...] = ()
    changed: tuple[Path, ...] = ()
    changes: tuple[Change, ...] = ()

    def files(self) -> dict[str, str]:
        """Return the SQL that puts the mistake in, by the names under which it is shown.

        Raises ContentError if the right code isn't what the variant changes.
        """
        if not self.changed:
            return {self.file: read_text(self.path)}
        lines = {path: read_text(path).splitlines() for path in self.changed}
        for change in self.changes:
            path, at = self._place(change, lines)
            height = len(change.right.splitlines())
            lines[path][at : at + height] = change.wrong.splitlines()
        return {f"{path.name}~{self.name}": "\n".join(lines[path]) + "\n" for path in lines}

    def _place(self, change: Change, lines: dict[Path, list[str]]) -> tuple[Path, int]:
        """Return the one file and line where the right lines of a change stand."""
        right = change.right.splitlines()
        places = [
            (path, at)
            for path, text in lines.items()
            for at in range(len(text))
            if text[at : at + len(right)] == right
        ]
        if len(places) != 1:
            names = " and ".join(path.name for path in self.changed)
            raise ContentError(
                f"{self.file}:{change.line}: these lines stand {len(places)} times in {names}",
                remedy="They have to stand there once: the right code has changed, so change the variant.",
            )
        return places[0]

    def expected(self, *, unmasked: bool) -> tuple[str, ...]:
        """Return the checks that must fail on this form."""
        return self.caught_unmasked if unmasked else self.caught_by


def load_variant(path: Path, target: Target) -> Variant:
    """Read a broken variant's header. Raises ContentError naming the file and what is missing."""
    shown = target.content.relative(path)
    text = read_text(path)
    header = read_header(text, shown)
    header.only(_KEYS)
    operation = header.one("operation")
    if operation not in target.operations:
        raise ContentError(
            f"{shown}: operation: no operation {operation!r}",
            remedy=f"Operations of {target.name}: {', '.join(target.operations)}.",
        )
    caught_by, caught_unmasked = header.many("caught-by"), header.many("caught-unmasked")
    for name in caught_by + caught_unmasked:
        if name.split(" ")[0] not in {kind.value for kind in Kind}:
            raise ContentError(f"{shown}: caught-by: {name!r} doesn't begin with a kind of check")
    return Variant(
        name=path.stem,
        path=path,
        file=shown,
        title=header.one("title"),
        mistake=header.one("class"),
        operation=operation,
        hurts=header.one("hurts"),
        caught_by=tuple(caught_by),
        unmask=tuple(header.each("unmask")),
        caught_unmasked=tuple(caught_unmasked),
        changed=tuple(target.file.parent / name for name in header.many("changes")),
        changes=tuple(_changes(text, shown)),
    )


def _changes(text: str, shown: str) -> Iterator[Change]:
    """Yield the pairs of ``-- @instead of`` and ``-- @write``."""
    directives = list(read_directives(text))
    for right, wrong in zip(directives[::2], directives[1::2], strict=False):
        if (right.word, right.rest, wrong.word) != ("instead", "of", "write"):
            break
        yield Change(right.sql.strip("\n"), wrong.sql.strip("\n"), right.line)
    else:
        if len(directives) % 2 == 0:
            return
    raise ContentError(
        f"{shown}: '-- @instead of' and '-- @write' don't come in pairs",
        remedy="Write the right lines below the first, the wrong ones below the second.",
    )


def load_variants(target: Target) -> list[Variant]:
    """Return the target's broken variants, by name."""
    return [load_variant(path, target) for path in target.broken]
