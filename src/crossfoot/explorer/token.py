"""Replay tokens: a schedule in one word that works on another machine.

``cf1-<target>[+<variant>[!]]-<race>[~<sessions>][@<level>]-<seed>-<choices>``; the choices are letters
(a: the first session goes on; A: it does, and loses patience with a lock), a number repeats the letter
before it. ``!`` is the variant without its constraint; ``~`` names the sessions that were left out, as
letters; ``@`` the isolation level, where it isn't the race's own: rc, rr or s.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby

from crossfoot.errors import CrossfootError

_TOKEN = re.compile(
    r"cf1-(?P<target>[a-z0-9_]+)(?:\+(?P<variant>[a-z0-9_]+)(?P<unmasked>!?))?"
    r"-(?P<race>[a-z0-9_]+)(?:~(?P<without>[a-z]+))?(?:@(?P<level>rc|rr|s))?-(?P<seed>[0-9]+)"
    r"-(?P<choices>(?:[a-zA-Z](?:[1-9][0-9]{0,5})?)*)"
)

_LEVELS = {"rc": "read committed", "rr": "repeatable read", "s": "serializable"}


@dataclass(frozen=True)
class Token:
    """What a token says: which race of which target (or broken variant) and who went on when.

    ``isolation`` is "" for the race's own level.
    """

    target: str
    race: str
    seed: int
    choices: tuple[int, ...]
    variant: str = ""
    unmasked: bool = False
    without: tuple[int, ...] = ()
    isolation: str = ""

    def __str__(self) -> str:
        runs = ((_letter(choice), len(list(run))) for choice, run in groupby(self.choices))
        choices = "".join(letter + (str(count) if count > 1 else "") for letter, count in runs)
        variant = f"+{self.variant}{'!' if self.unmasked else ''}" if self.variant else ""
        without = "~" + "".join(chr(ord("a") + i) for i in self.without) if self.without else ""
        level = "".join(f"@{short}" for short, name in _LEVELS.items() if name == self.isolation)
        return f"cf1-{self.target}{variant}-{self.race}{without}{level}-{self.seed}-{choices}"

    @classmethod
    def parse(cls, text: str) -> Token:
        """Read a token. Raises CrossfootError if it isn't one."""
        match = _TOKEN.fullmatch(text.strip())
        if not match:
            raise CrossfootError(
                f"not a replay token: {text!r}",
                remedy="Copy it whole from the report; it starts with 'cf1-'.",
            )
        choices: list[int] = []
        for letter, count in re.findall(r"([a-zA-Z])([0-9]*)", match["choices"]):
            choices += [_choice(letter)] * int(count or 1)
        return cls(
            match["target"],
            match["race"],
            int(match["seed"]),
            tuple(choices),
            match["variant"] or "",
            bool(match["unmasked"]),
            tuple(ord(letter) - ord("a") for letter in match["without"] or ""),
            _LEVELS.get(match["level"] or "", ""),
        )


def _letter(choice: int) -> str:
    return chr(ord("a") + choice) if choice >= 0 else chr(ord("A") + ~choice)


def _choice(letter: str) -> int:
    return ord(letter) - ord("a") if letter.islower() else ~(ord(letter) - ord("A"))
