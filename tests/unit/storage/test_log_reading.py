"""Reading: boundaries, compaction gaps, followers and epochs."""

from __future__ import annotations

import pytest

from ottla.common.errors import CorruptMessage, OffsetOutOfRange
from ottla.records.batch import batches
from ottla.testing.files import SimFiles
from tests.unit.storage.logs import NOW_MS, add, batch, new_log

SIZE = len(batch())


def offsets(raw: bytes) -> list[int]:
    return [header.base_offset for _, header in batches(raw)]


def test_a_read_ends_at_a_batch_and_takes_one_at_least() -> None:
    log = new_log()
    for _ in range(4):
        add(log)
    assert len(log.read(0, 2 * SIZE + 5, up_to=4)) == 2 * SIZE
    assert len(log.read(0, 1, up_to=4)) == SIZE
    assert len(log.read(0, 1, up_to=4, at_least_one=False)) == 0
    assert len(log.read(0, 10_000, up_to=3)) == 3 * SIZE
    assert len(log.read(4, 10_000, up_to=4)) == 0


def test_an_offset_inside_a_batch_gives_the_whole_batch() -> None:
    log = new_log()
    add(log, batch(5))
    found = log.read(3, 10_000, up_to=5)
    assert (offsets(found.read_all()), found.end_offset) == ([0], 5)
    assert len(log.read(3, 10_000, up_to=3)) == 0


def test_a_range_reads_any_part_of_itself_and_no_more() -> None:
    log = new_log()
    for _ in range(3):
        add(log)
    found = log.read(1, SIZE, up_to=3)
    whole = found.read_all()
    assert found.read(0, 8) == (1).to_bytes(8, "big")
    assert found.read(SIZE - 3, 100) == whole[-3:]
    assert found.read(SIZE, 5) == b""


def test_a_sequential_reader_scans_no_header_twice() -> None:
    files = SimFiles()
    log = new_log(files, index_interval_bytes=1 << 30)
    for _ in range(100):
        add(log)
    preads: list[str] = []
    files.on_operation = lambda kind, path: preads.append(path) if kind == "pread" else None
    log.read(0, 100 * SIZE, up_to=100).release()
    for _ in range(50):
        offset = add(log)
        found = log.read(offset, 100 * SIZE, up_to=offset + 1)
        assert len(found) == SIZE
        found.release()
    assert len(preads) <= 2


def test_gaps_are_stepped_over() -> None:
    """What compaction leaves; here a follower copies it."""
    log = new_log(internal_segment_bytes=2 * SIZE)
    for base_offset in (0, 5, 40, 41, 90):
        log.append_as_follower(batch(base_offset=base_offset), now_ms=NOW_MS)
    assert (log.log_end_offset, log.segment_count) == (91, 3)
    for offset, expected in ((0, 0), (1, 5), (6, 40), (42, 90), (90, 90)):
        found = log.read(offset, 1, up_to=91)
        assert offsets(found.read_all()) == [expected]
        found.release()


def test_a_follower_takes_whole_batches_with_their_epochs() -> None:
    log = new_log()
    raw = batch(2, base_offset=0, leader_epoch=1) + batch(base_offset=2, leader_epoch=4)
    assert log.append_as_follower(raw + raw[:30], now_ms=NOW_MS) == len(raw)
    assert (log.log_end_offset, log.epoch_at(1), log.epoch_at(2)) == (3, 1, 4)
    assert log.end_offset_for_epoch(1) == (1, 2)
    with pytest.raises(OffsetOutOfRange):
        log.append_as_follower(batch(base_offset=1), now_ms=NOW_MS)
    broken = bytearray(batch(base_offset=3))
    broken[-1] ^= 1
    with pytest.raises(CorruptMessage):
        log.append_as_follower(broken, now_ms=NOW_MS)
    assert log.log_end_offset == 3


def test_an_epoch_begins_where_a_leader_starts() -> None:
    log = new_log()
    add(log, epoch=1)
    log.start_epoch(3)
    assert log.end_offset_for_epoch(1) == (1, 1)
    assert log.end_offset_for_epoch(2) == (1, 1)
    assert log.end_offset_for_epoch(3) == (3, 1)
    add(log, epoch=3)
    assert log.end_offset_for_epoch(3) == (3, 2)


def test_a_log_that_starts_anew_is_empty_from_there() -> None:
    log = new_log(internal_segment_bytes=2 * SIZE)
    for _ in range(5):
        add(log)
    version = log.version
    log.truncate_and_start_at(100)
    assert (log.log_start_offset, log.log_end_offset, log.segment_count, log.size_bytes) == (100, 100, 1, 0)
    assert log.version > version
    assert add(log) == 100
    log.truncate_to(50)
    assert (log.log_start_offset, log.log_end_offset) == (50, 50)


def test_retention_by_age_goes_by_the_largest_timestamp_and_stops_at_the_high_watermark() -> None:
    log = new_log(internal_segment_bytes=SIZE, retention_ms=1000)
    for timestamp in (NOW_MS, NOW_MS + 500, NOW_MS + 5000):
        add(log, batch(timestamp=timestamp), now_ms=NOW_MS + 5000)
    assert log.retain(NOW_MS + 1000, high_watermark=3) == 0
    assert log.retain(NOW_MS + 1501, high_watermark=1) == 1
    assert log.retain(NOW_MS + 1501, high_watermark=3) == 1
    assert log.log_start_offset == 2
    assert log.retain(NOW_MS + 6001, high_watermark=3) == 1  # the active one as well: a new one begins
    assert (log.log_start_offset, log.log_end_offset, log.segment_count) == (3, 3, 1)
    assert log.retain(NOW_MS + 99_999, high_watermark=3) == 0


def test_a_compacted_topic_loses_nothing_by_age_but_what_was_deleted_by_request() -> None:
    log = new_log(internal_segment_bytes=SIZE, retention_ms=1, retention_bytes=0, cleanup_policy=("compact",))
    for _ in range(3):
        add(log)
    assert log.retain(NOW_MS + 99_999, 3) == 0
    assert log.advance_start(2)
    assert log.start_needs_checkpoint
    assert log.retain(NOW_MS, 3) == 2
    assert not log.start_needs_checkpoint


def test_records_without_a_time_have_the_largest_one_where_there_are_no_others() -> None:
    log = new_log(SimFiles())
    assert log.offset_of_max_timestamp() is None
    add(log, batch(timestamp=-1))
    add(log, batch(timestamp=-1))
    largest = log.offset_of_max_timestamp()
    assert largest is not None and (largest.offset, largest.timestamp) == (0, -1)
    add(log, batch(timestamp=5))
    largest = log.offset_of_max_timestamp()
    assert largest is not None and (largest.offset, largest.timestamp) == (2, 5)
