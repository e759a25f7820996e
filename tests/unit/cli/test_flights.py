from __future__ import annotations

from pathlib import Path

import pytest

from ottla.cli.flights.source import TOTAL, flights_file, read_flights
from ottla.cli.flights.store import Gap, Store
from ottla.cli.flights.sums import FROM, TO, Sum, Sums, add, differences

Item = tuple[str, str, int | None, int | None]


def fold(sums: Sums, item: Item) -> None:
    add(sums, *item)


def rows(first: int, last: int) -> list[tuple[int, Item]]:
    return [(offset, ("JFK", "LAX", offset, None)) for offset in range(first, last)]


def test_a_flight_counts_at_both_ends_and_a_cancelled_one_has_no_delay() -> None:
    sums: Sums = {}
    add(sums, "JFK", "LAX", 20, -5)
    add(sums, "JFK", "LAX", None, None)
    assert sums == {(FROM, "JFK"): Sum(2, 1, 1, 20), (TO, "LAX"): Sum(2, 1, 0, -5)}
    assert (sums[FROM, "JFK"].mean, Sum().mean) == (20.0, 0.0)


def test_what_is_delivered_again_is_not_counted_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "sums")
    assert store.count("a", {0: rows(0, 10), 1: rows(0, 3)}, fold) == 13
    assert store.count("b", {0: rows(6, 12)}, fold) == 2
    assert store.count("b", {0: rows(0, 12)}, fold) == 0
    expected: Sums = {}
    for _, item in [*rows(0, 12), *rows(0, 3)]:
        fold(expected, item)
    snapshot = store.snapshot()
    assert differences(expected, snapshot.sums) == []
    assert (snapshot.counted, snapshot.repeated, snapshot.members) == (15, 16, {"a": 13, "b": 2})


def test_a_batch_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    store = Store(tmp_path / "sums")
    with pytest.raises(Gap, match="partition 0: 0 is next, and 5 came"):
        store.count("a", {1: rows(0, 3), 0: rows(5, 6)}, fold)
    assert store.snapshot() == (0, 0, {}, {})
    assert store.count("a", {1: rows(0, 3)}, fold) == 3


def test_a_difference_names_the_airport_and_both_sums() -> None:
    (line,) = differences({(FROM, "JFK"): Sum(2, 2, 0, 7)}, {(FROM, "JFK"): Sum(1, 1, 0, 4)})
    assert line == "from JFK: 1 flights, 4 minutes; the CSV has 2 flights, 7 minutes"


def test_the_flights_are_those_of_the_package() -> None:
    flights = list(read_flights(flights_file(), TOTAL + 1))
    assert len(flights) == TOTAL
    assert flights[0] == ("UA", 1545, "EWR", "IAH", "2013-01-01T10:00:00Z", 2, 11)
    assert sum(flight.departure_delay is None for flight in flights) == 8255
