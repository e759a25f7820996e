"""A disk that lacks something for a while, by seed; see `lacking` for what runs and how to replay a seed."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.lacking import LackingWorld, run

SEEDS = 12


@pytest.mark.parametrize("part", range(2))
def test_what_is_lacking_for_a_while_takes_nothing_offline_and_loses_nothing(part: int, scale: float) -> None:
    counts = Counter[str]()
    LackingWorld.refused = 0
    for seed in range(part, int(SEEDS * scale), 2):
        try:
            counts.update(run(seed).value)
        except BaseException as error:
            raise AssertionError(f"replay with: python -m tests.simulation.lacking {seed}") from error
    assert all(counts[what] for what in ("acked", "answers", "moves", "commits", "transfers", "polled"))
    assert LackingWorld.refused > 50


def test_a_seed_is_the_same_run_again() -> None:
    assert run(2).digest == run(2).digest
