"""Whether the order in which transactions begin may matter: now() is when the own one did.

It does where a moment that one transaction took from now() is compared with the now() of another. In
which column it stands tells that: one that is set to now(), or is by default, and is compared with it.
What lies an interval away is no such moment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import asyncpg

from crossfoot.explorer.callees import body_tokens

_NOW = r"(?:\b(?:now|transaction_timestamp)\s*\(\s*\)|\b(?:current_timestamp|localtimestamp)\b)"
_PLAIN = rf"{_NOW}(?!\s*[-+])"
_ORDER = r"\s*(?:<=|>=|<>|!=|<|>)\s*"
_COMPARED = re.compile(
    rf"(\w+){_ORDER}{_PLAIN}|{_PLAIN}{_ORDER}(?:\w+\s*\.\s*)?(\w+)", re.IGNORECASE
)
_SET = re.compile(rf"(\w+)\s*:?=\s*{_PLAIN}", re.IGNORECASE)
_INSERT = re.compile(r"\binsert\s+into\s+[^;]*?\(([^()]*)\)([^;]*)", re.IGNORECASE)
_DEFAULT = r"^[^-+]*(now\(\)|current_timestamp|transaction_timestamp\(\)|localtimestamp)[^-+]*$"
_DEFAULTS = """
select attname::text from pg_attrdef
join pg_attribute on attrelid = adrelid and attnum = adnum
where pg_get_expr(adbin, adrelid) ~* $1
"""


async def begins_matter(
    connection: asyncpg.Connection, rows: Sequence[Mapping[str, object]]
) -> bool:
    """Judge the functions of a database from their catalog rows, as instrument.py reads them."""
    code = "\n".join(" ".join(token.text for token in body_tokens(row)) for row in rows)
    compared = {name.lower() for found in _COMPARED.findall(code) for name in found if name}
    if not compared:
        return False
    defaults = await connection.fetch(_DEFAULTS, _DEFAULT)
    return not compared.isdisjoint(_set_to_now(code) | {row[0] for row in defaults})


def _set_to_now(code: str) -> set[str]:
    """Return the columns (and variables) that are given the plain now()."""
    found = {name.lower() for name in _SET.findall(code)}
    for columns, values in _INSERT.findall(code):
        if re.search(_PLAIN, values, re.IGNORECASE):
            found |= {column.strip().lower() for column in columns.split(",")}
    return found
