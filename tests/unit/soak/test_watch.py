"""A soak must be able to fail: what is not flat is named."""

from __future__ import annotations

from tests.soak.watch import MB, Sample, problems
from tests.soak.work import InOrder, Shared


def samples(count: int = 30, **last: int) -> list[Sample]:
    flat = Sample(0, 50 * MB, 0, 40, 100 * MB, 0.01)
    return [flat] * (2 * count // 3) + [flat._replace(**last)] * (count - 2 * count // 3)


def test_what_stays_flat_is_no_problem() -> None:
    assert problems(samples(memory_bytes=52 * MB, files=45, worker_bytes=200 * MB), 200 * MB) == []


def test_growth_is_named() -> None:
    assert "memory rose from 50 to 70 MB" in problems(samples(memory_bytes=70 * MB), 200 * MB)
    assert "open files rose from 40 to 90" in problems(samples(files=90), 200 * MB)
    assert "the disk held 300 MB, more than 200 MB" in problems(samples(disk_bytes=300 * MB), 200 * MB)
    assert problems([], 200 * MB) == ["there are too few samples to judge"]


def test_a_gap_is_an_anomaly_and_what_a_group_reads_again_is_not() -> None:
    shared = Shared("nowhere")
    group, copies = InOrder(shared, "group", again=True), InOrder(shared, "copies", again=False)
    for number in (4, 5, 4, 5, 6):
        group.see(0, number)
    assert shared.anomalies == []
    group.see(0, 8)
    for number in (1, 2, 2):
        copies.see(1, number)
    assert shared.anomalies == [
        "group: partition 0 has 8 where 7 comes next",
        "copies: partition 1 has 2 where 3 comes next",
    ]
