from __future__ import annotations

from typing import Any, NamedTuple

import click
import pytest

from ottla.cli.positions import Span, assignment, parse_positions


class Place(NamedTuple):
    """TopicPartition of the client library."""

    topic: str
    partition: int
    offset: int = 0


class Reader:
    """A partition 0 that begins at 10 and ends at 100, whose record n has timestamp 1000 * n."""

    def get_watermark_offsets(self, _place: Place, timeout: float) -> tuple[int, int]:
        return 10, 100

    def offsets_for_times(self, places: list[Place], timeout: float) -> list[Place]:
        found = [max(10, -(-place.offset // 1000)) for place in places]
        return [place._replace(offset=n if n < 100 else -1) for place, n in zip(places, found, strict=True)]


def span(*words: str, to_the_end: bool = False) -> tuple[int, int | None]:
    reader: Any = Reader()
    return assignment(reader, Place, "t", [0], parse_positions(words), to_the_end=to_the_end)["t", 0]


def test_without_a_word_everything_is_read_for_ever_or_to_the_end() -> None:
    assert span() == (10, None)
    assert span(to_the_end=True) == (10, 100)


@pytest.mark.parametrize(
    ("word", "start"), [("beginning", 10), ("end", 100), ("42", 42), ("-5", 95), ("-500", 10), ("3", 10), ("300", 100)]
)
def test_a_start_outside_the_partition_is_its_nearest_end(word: str, start: int) -> None:
    assert span(word)[0] == start


def test_times_limit_on_both_sides_and_the_last_is_not_included() -> None:
    second = 1_000_000_000_000  # so that the words are read as milliseconds
    assert parse_positions((f"s@{second}", f"e@{second + 1}")) == Span(from_ms=second, until_ms=second + 1)
    assert span("s@1970-01-01T00:00:20", "e@1970-01-01T00:00:30") == (20, 30)
    assert span("s@1970-01-01T01:00:00") == (100, None)
    assert span("e@1970-01-01T01:00:00") == (10, 100)


@pytest.mark.parametrize("words", [("5", "end"), ("first",), ("s@noon",)])
def test_words_that_mean_nothing_or_too_much_are_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        parse_positions(words)
