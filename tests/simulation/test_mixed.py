"""Everything at once, by seed; see `mixed` for what runs and how to replay a seed."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.checks import Reads, check_committed
from tests.simulation.mixed import run

SEEDS = 20

FOUND: tuple[int, ...] = (24, 86)
"""Seeds that found a mistake once; they are repeated for ever."""


@pytest.mark.parametrize("part", range(4))
def test_everything_holds_beside_everything_else(part: int, scale: float) -> None:
    counts = Counter[str]()
    for seed in range(part, int(SEEDS * scale), 4):
        try:
            counts.update(run(seed).value)
        except BaseException as error:
            raise AssertionError(f"replay with: python -m tests.simulation.mixed {seed}") from error
    print(dict(counts))
    assert all(counts[what] for what in ("acked", "answers", "moves", "commits", "transfers", "polled"))


@pytest.mark.parametrize("seed", FOUND)
def test_seeds_that_found_a_mistake_stay_right(seed: int) -> None:
    run(seed)


def test_a_seed_is_the_same_run_again() -> None:
    assert run(1).digest == run(1).digest


FINAL = {(0, 0): b"a -1", (0, 3): b"a 1", (0, 5): b"b -2", (0, 6): b"b 2"}


def reads_of(*polls: tuple[int, int, list[tuple[int, bytes]]]) -> Reads:
    reads = Reads()
    for start, end, records in polls:
        reads.polled(0, start, end, records)
    return reads


def test_the_checker_accepts_a_right_history() -> None:
    whole = reads_of((0, 4, [(0, b"a -1"), (3, b"a 1")]), (4, 7, [(5, b"b -2"), (6, b"b 2")]))
    check_committed(whole, FINAL, {b"a", b"b"})


@pytest.mark.parametrize(
    ("anomaly", "reads", "committed"),
    [
        ("G1a", reads_of((0, 7, [(1, b"dropped 5")])), {b"a", b"b"}),
        ("inconsistent-offsets", reads_of((0, 1, [(0, b"a -1")]), (0, 1, [(0, b"a 1")])), {b"a", b"b"}),
        ("inconsistent-offsets", reads_of((0, 1, [(0, b"b 2")])), {b"a", b"b"}),
        ("nonmonotonic", reads_of((0, 4, [(3, b"a 1"), (0, b"a -1")])), {b"a", b"b"}),
        ("skipped-poll", reads_of((0, 4, [(0, b"a -1")])), {b"a", b"b"}),
        ("lost-write", reads_of(), {b"a", b"b", b"c"}),
        ("aborted and there", reads_of(), {b"a"}),
    ],
)
def test_the_checker_finds_each_anomaly(anomaly: str, reads: Reads, committed: set[bytes]) -> None:
    with pytest.raises(AssertionError, match=anomaly):
        check_committed(reads, FINAL, committed)
