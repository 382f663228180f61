"""Broken variants: the right function with one known mistake, which proves that a check can fail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crossfoot.errors import ContentError
from crossfoot.headers import read_header, read_text
from crossfoot.results import Kind
from crossfoot.target import Target

_KEYS = {"title", "class", "operation", "hurts", "caught-by", "unmask", "caught-unmasked"}


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

    def expected(self, *, unmasked: bool) -> tuple[str, ...]:
        """Return the checks that must fail on this form."""
        return self.caught_unmasked if unmasked else self.caught_by


def load_variant(path: Path, target: Target) -> Variant:
    """Read a broken variant's header. Raises ContentError naming the file and what is missing."""
    shown = target.content.relative(path)
    header = read_header(read_text(path), shown)
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
    )


def load_variants(target: Target) -> list[Variant]:
    """Return the target's broken variants, by name."""
    return [load_variant(path, target) for path in target.broken]
