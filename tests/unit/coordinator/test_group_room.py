"""ottla.max.groups: who would make one group more is refused; all that are there go on."""

from __future__ import annotations

import pytest

from ottla.coordinator.group.formats import GROUP_FORMATS
from ottla.coordinator.group.room import Room
from tests.unit.coordinator.consumer_bench import ConsumerBench
from tests.unit.coordinator.harness import Bench
from tests.unit.coordinator.test_transactional_offsets import TransactionalBench

FULL, NOT_ALLOWED = 81, 44


def test_no_join_heartbeat_or_commit_makes_one_group_too_many() -> None:
    bench = ConsumerBench(most_groups=2)
    assert bench.commit(1, group="a") == 0
    assert bench.enter("m", group="b").error_code == 0
    assert bench.answers[bench.join(group="c")].error_code == FULL
    refused = bench.enter("m", group="c")
    assert refused.error_code == FULL
    assert refused.error_message == "This broker holds 2 groups already; ottla.max.groups allows no more."
    assert bench.commit(1, group="c") == NOT_ALLOWED
    assert bench.machine.group_ids() == ["a", "b"]
    assert bench.room.refused == 3


def test_a_transactional_commit_makes_none_either() -> None:
    bench = TransactionalBench()
    bench.room.limit = 1
    assert bench.commit_in(7, 1, group="a") == 0
    assert bench.commit_in(7, 1, group="b") == NOT_ALLOWED
    assert bench.commit_in(7, 2, group="a") == 0


def test_a_group_that_is_there_stays_usable() -> None:
    bench = ConsumerBench(most_groups=1)
    assert bench.commit(1, group="a") == 0
    assert bench.commit(2, group="a") == 0
    assert bench.answers[bench.join(group="a")].error_code == 79  # its offsets make it a group already
    bench = ConsumerBench(most_groups=1)
    assert bench.commit(1, group="a") == 0
    assert bench.enter("m", group="a").error_code == 0
    assert bench.enter("n", group="a").error_code == 0


def test_a_group_with_offsets_alone_is_counted_once() -> None:
    bench = ConsumerBench(most_groups=2)
    assert bench.commit(1, group="a") == 0
    again = ConsumerBench(bench.limits, bench.log, bench.topics, bench.configs, bench.now_ms, most_groups=1)
    assert again.answers[again.join(group="a")].error_code == 79
    assert again.answers[again.join(group="b")].error_code == FULL


@pytest.mark.parametrize("wait_ms", [0, 1_000])
def test_a_group_that_went_leaves_room_within_a_second(wait_ms: int) -> None:
    bench = Bench(most_groups=1)
    assert bench.commit(1, group="a") == 0
    assert bench.commit(1, group="b") == NOT_ALLOWED
    token = bench.token()
    bench.run(bench.machine.delete(token, "a", bench.now_ms))
    bench.advance(wait_ms)
    assert bench.commit(1, group="b") == (0 if wait_ms else NOT_ALLOWED)


def test_full_is_counted_again_at_most_once_a_second() -> None:
    counts: list[int] = []

    def count() -> int:
        counts.append(5)
        return 5

    room = Room(5, count)
    for now_ms in range(0, 3_000, 10):
        assert not room.take("g", now_ms)
    assert len(counts) == 3
    room.forget()
    room.take("g", 3_000)
    assert len(counts) == 4
    assert not room.take("g", 0)  # the clock was set back
    assert len(counts) == 5


def test_groups_that_a_machine_loads_count() -> None:
    other = Bench()
    assert other.commit(1, group="b") == 0
    bench = Bench(most_groups=2)
    assert bench.commit(1, group="a") == 0
    for pair in other.log:
        decoded = GROUP_FORMATS.decode(pair)
        assert decoded is not None
        bench.machine.replay(*decoded, bench.now_ms)
    bench.run(bench.machine.loaded(bench.now_ms))
    assert bench.commit(1, group="c") == NOT_ALLOWED
