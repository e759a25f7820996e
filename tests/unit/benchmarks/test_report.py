"""The benchmark's table: ratios within rounds, targets, verdicts."""

from __future__ import annotations

import math

import pytest

from benchmarks import bench, report
from benchmarks.bed import Bed
from benchmarks.brokers import Broker
from benchmarks.row import Measure, Row, Values

RATE = Measure("rate", "1/s", more=True, must=1.0, after=1.3)
START = Measure("start", "s", must=0.1, after=0.05, limit=0.35)


def unused(bed: Bed, side: type[Broker]) -> Values:
    raise AssertionError("no row runs in these tests")


def line(measure: Measure, *pairs: tuple[float, float]) -> report.Line:
    return report.Line("row", measure, [ours for ours, _ in pairs], [theirs for _, theirs in pairs])


def test_the_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    assert line(RATE, (10, 10), (30, 20), (90, 10)).ratio == 1.5


def test_a_round_without_a_value_of_kafka_has_no_ratio() -> None:
    assert line(RATE, (10, 0), (30, 20)).ratios == [1.5]
    assert math.isnan(line(RATE, (10, 0)).ratio)


@pytest.mark.parametrize(("ours", "verdict"), [(0.9, "MISSED"), (1.0, "met"), (1.2, "met"), (1.3, "good")])
def test_more_is_better_for_rates(ours: float, verdict: str) -> None:
    assert line(RATE, (ours, 1.0)).verdict() == verdict


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"), [(0.3, 10, "good"), (0.3, 4, "met"), (0.3, 2, "MISSED"), (0.4, 10, "MISSED")]
)
def test_a_start_must_be_short_in_itself_and_beside_kafka(ours: float, theirs: float, verdict: str) -> None:
    assert line(START, (ours, theirs)).verdict() == verdict
    assert line(START, (ours, theirs)).target() == "< 0.35 s, <= 0.1"


def test_a_measure_without_a_target_has_no_verdict() -> None:
    assert line(Measure("bytes", "B"), (1, 1)).verdict() == ""


@pytest.mark.parametrize(("ours", "theirs", "limited"), [(0.95, 0.92, True), (0.95, 0.5, False), (0.5, 0.95, False)])
def test_client_limited_needs_a_busy_client_on_both_sides(ours: float, theirs: float, limited: bool) -> None:
    row = Row("row", "", (RATE,), unused, throughput=True)
    rounds = [{"ottla": {"rate": 1.0, "client_cores": ours}, "kafka": {"rate": 1.0, "client_cores": theirs}}]
    assert report.lines_of(row, rounds)[0].client_limited is limited


def test_the_table_shows_median_spread_target_and_verdict() -> None:
    shown = report.table([line(RATE, (10, 10), (30, 20), (90, 10))]).splitlines()
    assert shown[2].split() == [
        "row",
        "rate",
        "[1/s]",
        "30.0",
        "10.0",
        "1.50",
        "(1.00",
        "..",
        "9.00)",
        ">=",
        "1",
        "good",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.012345, "0.0123"), (1.5, "1.50"), (51234.5, "51,234"), (math.nan, "-")]
)
def test_numbers_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert report.number(value) == text


def test_rows_are_chosen_by_prefix_and_unknown_ones_refused() -> None:
    assert [row.name for row in bench.chosen("small-v10,latency")] == ["small-v10", "latency"]
    assert len(bench.chosen("produce")) == 9
    with pytest.raises(SystemExit, match="no row begins with 'smal1'"):
        bench.chosen("smal1")


def test_row_names_and_their_measures_are_distinct() -> None:
    names = [(row.name, measure.name) for row in bench.ROWS for measure in row.measures]
    assert len(set(names)) == len(names)


def test_slow_rows_have_fewer_rounds_and_quick_ones_fewer_still() -> None:
    slow = Row("slow", "", (RATE,), unused, rounds_max=3)
    fast = Row("fast", "", (RATE,), unused, throughput=True)
    assert [bench.rounds_of(row, bench.parse([])) for row in (slow, fast)] == [3, 7]
    assert [bench.rounds_of(row, bench.parse(["--quick"])) for row in (slow, fast)] == [1, 3]
    assert [bench.rounds_of(row, bench.parse(["--rounds", "5"])) for row in (slow, fast)] == [3, 5]


def test_a_full_run_has_both_tables() -> None:
    assert bench.pins(bench.parse([])) == [False, True]
    assert bench.pins(bench.parse(["--quick"])) == [False]
    assert bench.pins(bench.parse(["--quick", "--pin"])) == [True]
