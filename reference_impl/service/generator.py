"""A text generator that stands in for a language model: local, and the same words every time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_WORDS = (
    "account", "balance", "book", "charge", "claim", "count", "credit", "day", "debit", "entry",
    "event", "figure", "hold", "key", "ledger", "line", "lock", "margin", "note", "number", "order",
    "paper", "pen", "price", "proof", "receipt", "record", "row", "rule", "sale", "seal", "sum",
    "table", "term", "total", "turn", "value", "wage", "week", "word", "work", "year",
)  # fmt: skip


class GenerationFailed(Exception):  # noqa: N818 (an outcome)
    """The generator gave no answer. Nothing is charged for that."""


@dataclass(frozen=True)
class Generation:
    """A text, and what it costs: its count of tokens, which here are words."""

    text: str
    tokens: int


@dataclass
class Generator:
    """Answers a prompt with words drawn from its hash. ``failing``: raises instead."""

    failing: bool = False
    calls: int = 0

    async def generate(self, prompt: str, max_tokens: int) -> Generation:
        """Return 1 to ``max_tokens`` words. Raises GenerationFailed."""
        self.calls += 1
        if self.failing:
            raise GenerationFailed
        seed = hashlib.sha256(prompt.encode()).digest()
        count = 1 + seed[0] % max_tokens
        drawn = hashlib.shake_256(seed).digest(count)
        return Generation(" ".join(_WORDS[byte % len(_WORDS)] for byte in drawn), count)
