"""What a client's statement tells of its rows is what the server would tell."""

from __future__ import annotations

from uuid import UUID

import pytest

from crossfoot.explorer.reach import value_told, values_given


@pytest.mark.parametrize(
    ("expression", "arguments", "value"),
    [
        ("7", (), "integer 7"),
        ("2147483648", (), None),
        ("$2::uuid", (1, UUID(int=5)), 'uuid "00000000-0000-0000-0000-000000000005"'),
        ("$1::uuid", ("00000000-0000-0000-0000-000000000005",), None),
        ("$1::bigint", (5,), "bigint 5"),
        ("$1::integer", (True,), None),
        ("$1::integer", (None,), None),
        ("$1::text", ("top-up",), 'text "top-up"'),
        ("$1::text", ('"',), None),
        ("$1", (5,), None),
    ],
)
def test_a_client_tells_values_as_the_server_does_or_not_at_all(
    expression: str, arguments: tuple[object, ...], value: str | None
) -> None:
    assert value_told(expression, arguments) == value


def test_only_values_that_nothing_else_is_by_chance_count_as_given() -> None:
    assert values_given([UUID(int=5), "gift", 'a "quoted" one', 30, None, [UUID(int=6)]]) == {
        'uuid "00000000-0000-0000-0000-000000000005"',
        'text "gift"',
    }
