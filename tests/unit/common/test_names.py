"""Names as numbers: Java's hash of a string, by which Kafka places groups and transactional ids, and its ints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.common.names import coordinator_partition, java_int, java_string_hash


@pytest.mark.parametrize(
    ("text", "value"),
    [("", 0), ("a", 97), ("hello", 99162322), ("polygenelubricants", -(1 << 31)), ("é", 233), ("😀", 1772899)],
)
def test_the_hash_of_a_string_is_the_one_that_java_documents(text: str, value: int) -> None:
    assert java_string_hash(text) == value


@given(st.text(max_size=200) | st.text(st.characters(max_codepoint=127), min_size=55, max_size=75))
def test_the_hash_of_a_string_is_the_sum_of_its_units_by_powers_of_31(text: str) -> None:
    units = text.encode("utf-16-be", "surrogatepass")
    expected = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        expected = expected * 31 + high * 256 + low
    assert java_string_hash(text) % (1 << 32) == expected % (1 << 32)
    assert -(1 << 31) <= java_string_hash(text) < 1 << 31


def test_the_one_hash_without_a_positive_counterpart_is_of_partition_0() -> None:
    assert coordinator_partition("polygenelubricants", 50) == 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1), ("+1", 1), ("-1", -1), ("007", 7), ("2147483647", 2**31 - 1), ("-2147483648", -(2**31)),
        ("2147483648", None), ("9" * 5000, None), ("", None), ("-", None), ("+-1", None), ("\u00b2", None),
        ("1\n", None),
    ],
)  # fmt: skip
def test_an_int_is_read_as_java_does(text: str, number: int | None) -> None:
    assert java_int(text) == number
