"""ottla.max.offset.bytes: what committed offsets take is counted exactly, and what would bring more is refused."""

from __future__ import annotations

import random

import pytest

from ottla.common.errors import InvalidCommitOffsetSize, NotCoordinator
from ottla.coordinator.group.offsets import Committed, offset_bytes
from ottla.coordinator.room import text_bytes
from tests.unit.coordinator.harness import Bench
from tests.unit.coordinator.test_transactional_offsets import BILLS, ORDERS, TransactionalBench

REFUSED = InvalidCommitOffsetSize.code
LIMIT = 10_000
METADATA = "m" * 4000


def counted(bench: Bench) -> int:
    """What there is, counted from nothing."""
    offsets = bench.machine.offsets
    found = 0
    for group_id in offsets.groups():
        found += text_bytes(group_id) + sum(offset_bytes(*one) for one in offsets.of(group_id).items())
    return found


def test_a_commit_that_would_bring_too_much_is_refused_and_others_go_on() -> None:
    bench = Bench(most_offset_bytes=LIMIT)
    assert [bench.commit(1, group=f"g{one}", metadata=METADATA) for one in range(4)] == [0, 0, REFUSED, REFUSED]
    assert bench.commit(2, group="g1", metadata=METADATA) == 0, "it takes no more than before"
    assert bench.commit(3, group="g1") == 0
    assert bench.commit(1, group="g2", metadata=METADATA) == 0, "a smaller one has made room"
    assert bench.offset_room.used_bytes == counted(bench) <= LIMIT
    assert bench.offset_room.refused == 2


def test_a_refusal_is_told_once_a_second() -> None:
    bench = Bench(most_offset_bytes=LIMIT)
    for one in range(40):
        bench.commit(1, group=f"g{one}", metadata=METADATA)
        bench.advance(100)
    assert bench.told == 4


def test_long_ids_of_groups_and_names_of_topics_count() -> None:
    bench = Bench(most_offset_bytes=LIMIT)
    assert bench.commit(1, group="g" * 9_900) == REFUSED
    assert bench.commit(1, topic="t" * 9_900) == REFUSED
    assert bench.commit(1, metadata="\U0001f600" * 2000, group="g" * 2_000) == REFUSED, "four bytes for a character"


def test_deletions_and_expiry_give_back() -> None:
    bench = Bench(most_offset_bytes=LIMIT)
    bench.commit(1, group="a", metadata=METADATA)
    bench.commit(1, group="b", metadata=METADATA)
    bench.run(bench.machine.delete(bench.token(), "a", bench.now_ms))
    assert bench.offset_room.used_bytes == counted(bench) > 4000
    bench.advance(bench.limits.offsets_retention_ms + 1)
    bench.run(bench.machine.expire(bench.now_ms))
    assert bench.offset_room.used_bytes == 0


def test_a_log_that_holds_more_is_loaded_and_told_and_a_discarded_machine_gives_back() -> None:
    first = Bench()
    for one in range(5):
        first.commit(1, group=f"g{one}", metadata=METADATA)
    bench = Bench(first.limits, first.log, most_offset_bytes=LIMIT)
    assert bench.committed(group="g4") == 1 and bench.told == 1
    assert bench.commit(2, group="g4", metadata=METADATA) == 0
    assert bench.commit(1, group="g5") == REFUSED
    for _ in range(2):
        bench.machine.unload(NotCoordinator())
        assert bench.offset_room.used_bytes == 0


def test_offsets_of_transactions_count_before_their_marker_too() -> None:
    bench = TransactionalBench()
    bench.offset_room.limit_bytes = 3 * offset_bytes(ORDERS, Committed(1, -1, "", 0))
    assert bench.commit_in(1, 1) == bench.commit_in(2, 1) == 0
    assert bench.commit_in(3, 1) == REFUSED
    bench.end(1, commit=True)
    bench.end(2, commit=False)
    assert bench.offset_room.used_bytes == counted(bench) > 0


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_done_the_count_is_what_there_is(seed: int) -> None:
    draw = random.Random(seed)
    bench = TransactionalBench()
    for number in range(400):
        group, partition = draw.choice("abc"), draw.choice((ORDERS, BILLS))
        step = draw.randrange(6)
        if step == 0:
            bench.commit(number, group=group, topic=partition.topic, metadata="m" * draw.randrange(50))
        elif step <= 2:
            bench.commit_in(draw.randrange(4), number, partition, group=group)
        elif step <= 4:
            bench.end(draw.randrange(4), commit=draw.random() < 0.5)
        else:
            bench.run(bench.machine.delete(bench.token(), group, bench.now_ms))
    for producer_id in range(4):
        bench.end(producer_id, commit=True)
    assert bench.offset_room.used_bytes == counted(bench)


def test_long_ids_of_groups_count_as_more_groups() -> None:
    bench = Bench(most_groups=100)
    codes = [bench.commit(1, group=f"{one}".ljust(32_000, "g")) for one in range(3)]
    assert codes == [0, 44, 44]
