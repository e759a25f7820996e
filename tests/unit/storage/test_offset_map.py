"""The map of last offsets, while it is small and when it has become a table, beside a dictionary."""

from __future__ import annotations

import pytest

from ottla.storage.compaction.offset_map import SLOT_BYTES, OffsetMap
from ottla.testing.clock import SimRandom


@pytest.mark.parametrize("memory_bytes", [SLOT_BYTES * 1000, SLOT_BYTES * 100_000])
def test_it_holds_the_last_offset_of_each_key(memory_bytes: int) -> None:
    random = SimRandom(1)
    newest = OffsetMap(memory_bytes, 0.9, 1 << 40)
    twin: dict[bytes, int] = {}
    for offset in range(3000):
        key = b"key-%d" % random.below(800)
        newest.put(key, offset)
        twin[key] = offset
    assert newest.size == len(twin)
    assert (newest._table is not None) == (memory_bytes < 100_000)
    assert all(newest.get(key) == offset for key, offset in twin.items())
    assert newest.get(b"another") == -1
    assert newest.latest_offset == 2999


@pytest.mark.parametrize("memory_bytes", [SLOT_BYTES * 1000, SLOT_BYTES * 100_000])
def test_many_keys_at_once_come_to_the_same_as_one_by_one(memory_bytes: int) -> None:
    random = SimRandom(2)
    single, many = OffsetMap(memory_bytes, 0.9, 1 << 40), OffsetMap(memory_bytes, 0.9, 1 << 40)
    for start in range(0, 3000, 50):
        batch = {b"key-%d" % random.below(800): start + index for index in range(50)}
        many.put_all(batch)
        for key, offset in sorted(batch.items(), key=lambda one: one[1]):
            single.put(key, offset)
        assert many.size == single.size and many.room == many.capacity - many.size
        assert all(many.get(key) == offset for key, offset in batch.items())
    assert (many._table is not None) == (memory_bytes < 100_000)
    many.put_all({})
    with pytest.raises(AssertionError, match="more keys than it has room for"):
        many.put_all({b"new-%d" % number: number for number in range(many.room + 1)})


def test_it_holds_as_many_keys_as_kafka() -> None:
    newest = OffsetMap(SLOT_BYTES * 1000, 0.9, 1 << 40)
    for offset in range(900):
        assert not newest.is_full
        newest.put(b"%d" % offset, offset)
    assert newest.is_full and newest.utilisation == 1


def test_memory_is_bounded_by_what_can_come() -> None:
    assert OffsetMap(128 << 20, 0.9, 10).capacity == 10
    assert OffsetMap(128 << 20, 0.9, 1 << 40).capacity == int((128 << 20) // SLOT_BYTES * 0.9)
