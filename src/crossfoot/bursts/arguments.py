"""Which arguments a statement gives to an operation: found by laying it beside target.toml's ``call``."""

from __future__ import annotations

from crossfoot.sql import Token, tokens

_OPEN, _CLOSE = {"(", "["}, {")", "]"}


def arguments_in(statement: str, template: str) -> dict[str, str]:
    """Return the SQL that stands in ``statement`` for each ``:name`` of ``template``.

    Both are the same call, such as ``select * from f(:a, :b)`` and ``select * from f(:card, 40)``:
    {"a": ":card", "b": "40"}. Arguments left out at the end have no entry. Empty if the statement
    isn't written as the template is, but for a name (``as``) behind it.
    """
    data = statement.encode()
    given, wanted = tokens(statement), tokens(template)
    found: dict[str, str] = {}
    at = 0
    step = 0
    while step < len(wanted):
        if at == len(given):
            return {}
        if wanted[step].text == ":" and step + 2 < len(wanted):
            end = _expression_end(given, at)
            if end == at:
                return {}
            found[wanted[step + 1].text] = data[given[at].start : given[end - 1].end].decode()
            at, step = end, step + 2
        elif wanted[step].text == "," and given[at].text == ")":
            step = next(n for n in range(step, len(wanted)) if wanted[n].text == ")")
        elif wanted[step].word == given[at].word:
            at, step = at + 1, step + 1
        else:
            return {}
    named = at == len(given) or given[at].word == "as"
    return found if named else {}


def _expression_end(given: list[Token], at: int) -> int:
    """Return where the expression that begins at ``at`` ends: before a comma or what closes it."""
    depth = 0
    while at < len(given):
        text = given[at].text
        if depth == 0 and (text == "," or text in _CLOSE):
            return at
        depth += (text in _OPEN) - (text in _CLOSE)
        at += 1
    return at
