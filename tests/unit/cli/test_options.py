from __future__ import annotations

import click
import pytest

from ottla.cli.options import missing, parse_duration_ms, parse_pairs, parse_time_ms, parse_topic


@pytest.mark.parametrize(
    ("text", "duration_ms"),
    [("90s", 90_000), ("1h30m", 5_400_000), ("250ms", 250), ("7d", 604_800_000), ("P1DT2H", 93_600_000), ("0.5s", 500)],
)
def test_durations_are_read_as_people_and_as_iso_8601_write_them(text: str, duration_ms: int) -> None:
    assert parse_duration_ms(text) == duration_ms


@pytest.mark.parametrize("text", ["", "5", "5x", "m5", "1h 30m x"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="is no duration"):
        parse_duration_ms(text)


@pytest.mark.parametrize("text", ["2026-11-23T06:32:40.925", "2026-11-23T07:32:40.925+01:00", "1795415560925"])
def test_a_time_is_utc_unless_it_says_otherwise(text: str) -> None:
    assert parse_time_ms(text) == 1795415560925


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(click.UsageError, match="'yesterday' is no time"):
        parse_time_ms("yesterday")


def test_a_topic_may_name_its_partitions() -> None:
    assert parse_topic("orders") == ("orders", None)
    assert parse_topic("orders:2,0,2") == ("orders", [0, 2])
    with pytest.raises(click.UsageError, match="is not of the form"):
        parse_topic("orders:x")


def test_the_last_of_equal_keys_wins_and_a_value_may_hold_an_equals_sign() -> None:
    assert parse_pairs(["a=1", "b=x=y", "a=2"]) == {"a": "2", "b": "x=y"}
    with pytest.raises(click.UsageError, match="'a' is not of the form KEY=VALUE"):
        parse_pairs(["a"])


def test_what_is_missing_comes_with_the_nearest_that_is_there() -> None:
    assert missing("topic", "ordrs", ["orders", "bills"]).message == "there is no topic 'ordrs'; did you mean 'orders'?"
    assert missing("topic", "xyz", ["orders"]).message == "there is no topic 'xyz'"
