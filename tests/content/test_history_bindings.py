"""What target.toml says about entries speaks of arguments that the calls have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crossfoot.history.moves import read_moves
from crossfoot.history.reading import open_history
from crossfoot.history.record import CallRecord, Recorder
from crossfoot.sql import names_in
from crossfoot.target import Target, find_targets
from crossfoot.verdicts import Outcome

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


def test_of_a_transfer_that_is_refused_only_the_sender_lacks_credits(tmp_path: Path) -> None:
    (target,) = find_targets(["peer_booking"])
    path = tmp_path / "history.ndjson"
    with Recorder(path, target=target.name, scenario="drawn", seed=1, began="") as recorder:
        given = {"from_user_id": "poor", "to_user_id": "other", "amount": 50}
        given |= {"reference_id": "1", "reference_type": "loan", "description": ""}
        said = {"message": "Insufficient credits. Balance 15"}
        recorder.add(
            CallRecord(1, "s", "credits_transfer", Outcome.REFUSED, 1, 2, given, "1", said, "P0001")
        )
    called = read_moves(open_history([tmp_path]), target)
    short = {name: [move.short for move in moves] for name, moves in called.by_account.items()}
    assert short == {"poor": [True], "other": [False]}
