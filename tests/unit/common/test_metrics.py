"""The text of metrics: nothing is rounded, everything can be read back."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.common.metrics import Histogram, Registry, labels_text, number
from tests.unit.exposition import Page


@given(st.one_of(st.integers(0, 2**63), st.floats(0, allow_nan=False)))
def test_a_number_keeps_all_of_its_digits(value: float) -> None:
    assert float(number(value)) == float(value)


def test_numbers_are_written_as_prometheus_reads_them() -> None:
    texts = [number(one) for one in (0, 0.0, 12345678.25, 1e-05, 1e22, 2.0**60, True, inf, -inf, nan)]
    assert texts == ["0", "0", "12345678.25", "1e-05", "1e+22", "1.152921504606847e+18", "1", "+Inf", "-Inf", "NaN"]


@given(st.dictionaries(st.sampled_from(["a", "b", "group"]), st.text(st.characters(exclude_categories=["Cs"]))))
def test_whatever_a_label_holds_comes_back(labels: dict[str, str]) -> None:
    registry = Registry()
    registry.counter("x_total", "Help", **labels).value += 7
    assert Page(registry.text()).value("x_total", **labels) == 7


def test_a_histogram_counts_each_observation_in_all_buckets_that_reach_it() -> None:
    registry = Registry()
    histogram = registry.histogram("h", "Help", (0.1, 1.0), api="a")
    for value in (0.05, 0.1, 0.5, 3.25):
        histogram.observe(value)
    page = Page(registry.text())
    assert [page.value("h_bucket", api="a", le=bound) for bound in ("0.1", "1", "+Inf")] == [2, 3, 4]
    assert (page.value("h_sum", api="a"), page.value("h_count", api="a")) == (3.9, 4)


def test_histograms_of_the_same_bounds_add_up() -> None:
    one, other = Histogram((1.0,)), Histogram((1.0,))
    one.observe(0.5)
    other.observe(2.0)
    both = one.plus(other)
    assert (both.counts, both.total, one.counts) == ([1, 1], 2.5, [1, 0])


def test_counters_and_they_alone_end_with_total() -> None:
    registry = Registry()
    with pytest.raises(AssertionError):
        registry.counter("x", "Help")
    with pytest.raises(AssertionError):
        registry.gauge("x_total", "Help", lambda: 1)


def test_a_meaning_of_several_lines_stays_on_one() -> None:
    registry = Registry()
    registry.gauge("x", "One\ntwo \\ three", lambda: 1)
    assert registry.text() == "# HELP x One two \\\\ three\n# TYPE x gauge\nx 1\n"


def test_no_labels_are_no_braces() -> None:
    assert (labels_text(()), labels_text((("a", 'b"'),))) == ("", '{a="b\\""}')
