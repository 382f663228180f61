"""What target.toml says about entries speaks of arguments that the calls have."""

from __future__ import annotations

import re

import pytest

from crossfoot.sql import names_in
from crossfoot.target import Target, find_targets

BOUND = [
    (target, name)
    for target in find_targets([])
    for name, operation in target.operations.items()
    if operation.entries
]


@pytest.mark.parametrize(("target", "name"), BOUND, ids=[f"{t.name}-{n}" for t, n in BOUND])
def test_entries_are_bound_by_arguments_of_the_call(target: Target, name: str) -> None:
    operation = target.operations[name]
    for entry in operation.entries:
        templates = [value for value in entry.model_dump().values() if value]
        named = {found for text in templates for found in re.findall(r":([A-Za-z_]\w*)", text)}
        assert named <= set(names_in(operation.call))
        assert entry.account or entry.key or entry.reference


@pytest.mark.parametrize("target", find_targets([]), ids=lambda target: target.name)
def test_a_refusal_for_lack_of_credits_is_one_of_the_refusals(target: Target) -> None:
    for operation in target.operations.values():
        prefixes = {pattern.rstrip("*") for pattern in operation.refused}
        for pattern in operation.insufficient:
            known = any(pattern.startswith(prefix) for prefix in prefixes)
            assert known or "result.success = false" in operation.refused
