"""Overlap is told from the spans alone, against a count that compares every two of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crossfoot.bursts.latency import latencies, percentile
from crossfoot.bursts.overlap import Span, overlap_of

SPANS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 5)).map(
        lambda drawn: Span(drawn[0], drawn[1], drawn[1] + drawn[2])
    ),
    max_size=8,
)


def meet(one: Span, other: Span) -> bool:
    return one.entity == other.entity and max(one.start, other.start) < min(one.end, other.end)


@given(SPANS)
def test_what_overlaps_is_what_a_comparison_of_every_two_says(spans: list[Span]) -> None:
    found = overlap_of(spans, len(spans))
    pairs = [
        any(meet(one, other) for at, other in enumerate(spans) if at != number)
        for number, one in enumerate(spans)
    ]
    instants = [
        sum(s.entity == entity and s.start <= at < s.end for s in spans)
        for entity in range(3)
        for at in range(18)
    ]
    assert found.overlapping == sum(pairs)
    assert found.at_once == max(instants)
    assert found.proved is any(pairs)


def test_calls_one_after_another_prove_nothing_even_if_they_touch() -> None:
    assert not overlap_of([Span(0, 0, 5), Span(0, 5, 9)], 2).proved
    assert overlap_of([Span(0, 0, 6), Span(0, 5, 9)], 2).proved


def test_calls_on_different_entities_prove_nothing_about_each_other() -> None:
    assert not overlap_of([Span(0, 0, 9), Span(1, 0, 9)], 2).proved


def test_a_call_without_times_counts_as_one_that_overlapped_nothing() -> None:
    found = overlap_of([Span(0, 0, 9), Span(0, 1, 9)], 3)
    assert (found.calls, found.timed, found.overlapping) == (3, 2, 2)


def test_percentiles_are_recorded_times() -> None:
    times = [*range(1, 101)]
    assert [percentile(times, each) for each in (50, 95, 99, 99.9, 100)] == [50, 95, 99, 100, 100]
    assert percentile([7], 50) == 7
    assert percentile([3, 1, 2], 0) == 1


def test_latencies_are_told_in_milliseconds() -> None:
    told = latencies([1_000_000, 2_500_000])
    assert told == {
        "latency p50": "1.00 ms",
        "latency p95": "2.50 ms",
        "latency p99": "2.50 ms",
        "slowest call": "2.50 ms",
    }
    assert latencies([]) == {}
