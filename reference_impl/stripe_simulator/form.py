"""Form-encoded parameters with brackets: ``items[0][price]=p&metadata[order]=7``.

Source: https://docs.stripe.com/api (requests are form-encoded, answers are JSON).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from .refusals import Refused, invalid

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_DEEPEST = 8
_MOST = 1000


def decode(text: str) -> dict[str, Any]:
    """Return the parameters as dicts, lists and strings.

    Raises Refused (400) for brackets that don't close, a name that is a value in one place and
    holds others in another, more than 1000 parameters, and nesting of more than 8 levels.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST)
    except ValueError as error:
        raise Refused(f"The request can't be read: {error}", executed=False) from error
    tree: dict[str, Any] = {}
    for name, value in pairs:
        _put(tree, _path(name), value, name)
    return {name: _lists(value) for name, value in tree.items()}


def _path(name: str) -> list[str]:
    match = _KEY.fullmatch(name)
    if not match:
        raise invalid(f"Invalid parameter name: {name}", name)
    path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    if len(path) > _DEEPEST:
        raise invalid(f"Too many levels: {name}", name)
    return path


def _put(tree: dict[str, Any], path: list[str], value: str, name: str) -> None:
    *above, last = path
    for part in above:
        tree = tree.setdefault(part or str(len(tree)), {})
        if not isinstance(tree, dict):
            raise invalid(f"Invalid parameter: {name}", name)
    last = last or str(len(tree))
    if isinstance(tree.get(last), dict):
        raise invalid(f"Invalid parameter: {name}", name)
    tree[last] = value


def _lists(value: Any) -> Any:
    """Turn ``{"0": a, "1": b}`` into ``[a, b]``, at every level."""
    if not isinstance(value, dict):
        return value
    if value and all(name.isdecimal() and len(name) < 6 for name in value):
        return [_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _lists(inner) for name, inner in value.items()}
