"""When two descriptions of rows have nothing to do with each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossfoot.explorer.footprint import Footprint
from crossfoot.explorer.rows import ANYTHING, Access, Reach, Rows, Use, rows_apart

ID, CODE = frozenset({"id"}), frozenset({"code"})
ONE, TWO = ("id", "integer 1"), ("id", "integer 2")
A, B = ("code", "text a"), ("code", "text b")


def rows(use: Use, *values: tuple[str, str], new: tuple[frozenset[str], ...] = ()) -> Rows:
    return Rows(use, frozenset(values), new)


@pytest.mark.parametrize("use", [Use.READ, Use.UPDATE, Use.DELETE])
@pytest.mark.parametrize("other", [Use.READ, Use.UPDATE, Use.DELETE, Use.SHARE])
def test_rows_whose_column_differs_are_apart_and_all_others_are_not(use: Use, other: Use) -> None:
    assert rows(use, ONE).apart(rows(other, TWO, A))
    assert rows(use, ONE, A).apart(rows(other, ONE, B))
    if {use, other} != {Use.SHARE, Use.UPDATE}:
        assert not rows(use, ONE).apart(rows(other, ONE))
        assert not rows(use, ONE).apart(rows(other, A))
        assert not rows(use, ONE).apart(rows(other))
        assert not rows(use).apart(rows(other))


def test_values_of_two_types_may_be_one_value() -> None:
    one, other = rows(Use.UPDATE, ONE), rows(Use.UPDATE, ("id", "bigint 2"))
    assert not one.apart(other)
    text, word = rows(Use.UPDATE, A), rows(Use.UPDATE, ("code", "character varying b"))
    assert not text.apart(word)


def test_a_foreign_key_holds_up_neither_others_nor_updates_that_keep_the_key() -> None:
    share = rows(Use.SHARE, ONE)
    assert share.apart(rows(Use.SHARE, ONE))
    assert share.apart(rows(Use.UPDATE, ONE))
    assert share.apart(rows(Use.UPDATE))
    for use in (Use.READ, Use.DELETE, Use.ADD):
        assert not share.apart(rows(use, ONE, new=(ID,)))


def test_new_rows_are_apart_only_if_they_differ_in_each_unique_key() -> None:
    one = rows(Use.ADD, ONE, A, new=(ID, CODE))
    assert one.apart(rows(Use.ADD, TWO, B, new=(ID, CODE)))
    assert not one.apart(rows(Use.ADD, TWO, A, new=(ID, CODE)))
    assert not one.apart(rows(Use.ADD, TWO, new=(ID, CODE)))
    assert not one.apart(rows(Use.ADD, TWO, new=()))
    assert rows(Use.ADD, new=()).apart(rows(Use.ADD, new=()))


def test_part_of_a_key_that_differs_is_enough() -> None:
    both = (ID | CODE,)
    one, other = rows(Use.ADD, ONE, A, new=both), rows(Use.ADD, ONE, B, new=both)
    assert one.apart(other)


def test_a_new_row_waits_for_whoever_changes_one_with_its_key() -> None:
    """And that may be any row that isn't known to have another one."""
    new = rows(Use.ADD, ONE, A, new=(ID, CODE))
    for use in (Use.UPDATE, Use.DELETE):
        assert not new.apart(rows(use, TWO))
        assert not new.apart(rows(use, B))
        assert new.apart(rows(use, TWO, B))
    assert new.apart(rows(Use.READ, TWO))


def test_new_rows_without_a_key_are_apart_from_changes_of_others_only() -> None:
    new = rows(Use.ADD, A)
    assert new.apart(rows(Use.UPDATE, B))
    assert not new.apart(rows(Use.UPDATE, TWO))


def test_numbers_that_are_drawn_show_who_came_first() -> None:
    one = Rows(Use.ADD, frozenset({ONE}), drawn=True)
    assert not one.apart(Rows(Use.ADD, frozenset({TWO}), drawn=True))
    assert one.apart(Rows(Use.ADD, frozenset({TWO})))
    assert one.apart(Rows(Use.UPDATE, frozenset({TWO})))


def test_a_key_of_which_nothing_is_known_collides_with_any() -> None:
    assert not rows(Use.ADD, ONE, new=ANYTHING).apart(rows(Use.ADD, TWO, new=(ID,)))
    assert not rows(Use.ADD, ONE, new=(ID,)).apart(rows(Use.ADD, TWO, new=ANYTHING))


some_values = st.dictionaries(st.sampled_from(["id", "code"]), st.sampled_from("12"), max_size=2)
some_rows = st.builds(
    lambda use, values, new: rows(
        use, *((name, f"text {value}") for name, value in values.items()), new=tuple(new)
    ),
    st.sampled_from(Use),
    some_values,
    st.lists(st.sampled_from([ID, CODE, ID | CODE, *ANYTHING]), max_size=2),
)


@given(some_rows, some_rows)
def test_it_doesnt_matter_who_is_asked(one: Rows, other: Rows) -> None:
    assert one.apart(other) == other.apart(one)


@given(some_rows, some_rows)
def test_who_says_less_is_never_apart_from_more(one: Rows, other: Rows) -> None:
    less = Rows(one.use, frozenset(list(one.values)[1:]), one.uniques)
    assert one.apart(other) or not less.apart(other)


def test_a_table_of_which_only_one_side_is_known_isnt_taken_apart() -> None:
    known = {7: frozenset({rows(Use.UPDATE, ONE)})}
    assert rows_apart(known, {7: frozenset({rows(Use.UPDATE, TWO)})}, 7)
    assert not rows_apart(known, {}, 7)
    assert not rows_apart(known, {7: frozenset({rows(Use.UPDATE, TWO), rows(Use.READ)})}, 7)


GIVEN = frozenset({"integer 1", "integer 2"})


def test_what_is_drawn_anew_in_each_run_tells_rows_of_one_run_apart_only() -> None:
    reach = Reach((Access(7, Use.UPDATE, (("id", 0),)),), ("p_id",))
    one = reach.rows(['uuid "a"'], GIVEN, run=1)
    assert rows_apart(one, reach.rows(['uuid "b"'], GIVEN, run=1), 7)
    assert not rows_apart(one, reach.rows(['uuid "b"'], GIVEN, run=2), 7)
    given = frozenset({'uuid "a"', 'uuid "b"'})
    assert rows_apart(
        reach.rows(['uuid "a"'], given, run=1), reach.rows(['uuid "b"'], given, run=2), 7
    )


def test_a_number_in_the_text_is_the_same_in_each_run() -> None:
    access = (Access(7, Use.UPDATE, (("id", 0),)),)
    one, other = Reach(access, ("1",)), Reach(access, ("2",))
    found = one.rows(["integer 1"], frozenset(), 1), other.rows(["integer 2"], frozenset(), 2)
    assert rows_apart(*found, 7)


def test_a_null_describes_no_row() -> None:
    access = Access(7, Use.UPDATE, (("id", 0), ("code", 1)))
    reach = Reach((access,), ("p_id", "p_code"))
    assert reach.rows(["integer 1", None], GIVEN, 1) == {7: frozenset({rows(Use.UPDATE, ONE)})}


def test_a_table_that_is_read_on_is_touched_anywhere() -> None:
    reach = Reach((Access(7, Use.READ, (("id", 0),)), Access(8, Use.READ)), ("p_id",))
    found = reach.anywhere_in(frozenset({7})).rows(["integer 1"], GIVEN, 1)
    assert not rows_apart(found, {7: frozenset({rows(Use.READ, TWO)})}, 7)
    assert found[8] == reach.rows(["integer 1"], GIVEN, 1)[8]


def test_joined_moves_touched_the_rows_of_both() -> None:
    def moved(table: int, *touched: Rows) -> Footprint:
        known = {table: frozenset(touched)} if touched else {}
        return Footprint(writes=frozenset({table}), rows=known)

    one, two = rows(Use.UPDATE, ONE), rows(Use.UPDATE, TWO)
    joined = moved(7, one).joined(moved(8, two))
    assert not joined.meets(moved(7, two)) and not joined.meets(moved(8, one))
    assert joined.meets(moved(7, one)) and joined.meets(moved(8, two))
    assert moved(7, one).joined(moved(7, two)).meets(moved(7, two))
    assert moved(7, one).joined(moved(7)).meets(moved(7, two))
    assert moved(7).joined(moved(7, one)).meets(moved(7, two))
    assert Footprint().joined(moved(7, one)) == moved(7, one)
