"""Looking for times in a log whose batches lie, cannot be read, or hold more than is opened."""

from __future__ import annotations

import zstandard

from ottla.records.batch import BatchHeader, assemble, parse_header
from ottla.records.compression import ZSTD
from ottla.records.opening import MOST_RECORDS
from ottla.records.record import encode_record
from ottla.storage.compaction.offset_map import OffsetMap
from ottla.storage.compaction.retain import Retention, Transactions
from tests.unit.storage.logs import NOW_MS, add, new_log


def packed(plain: bytes, count: int, base_ms: int = NOW_MS, codec: int = ZSTD, largest_ms: int = NOW_MS) -> bytes:
    payload = zstandard.ZstdCompressor().compress(plain) if codec else plain
    return assemble(BatchHeader(0, 0, -1, 2, 0, codec, count - 1, base_ms, largest_ms, -1, -1, -1, count), payload)


def test_a_batch_with_more_records_than_are_opened_answers_with_its_header() -> None:
    log = new_log()
    add(log)
    count = 4 * MOST_RECORDS
    add(log, packed(encode_record(0, 0, None, None) * count, count))
    found = log.offset_for_timestamp(NOW_MS)
    assert found is not None and found.offset == 0
    log.advance_start(1)
    found = log.offset_for_timestamp(5)
    assert found is not None and (found.offset, found.timestamp) == (1, NOW_MS)


def test_a_batch_that_cannot_be_read_answers_with_its_header_and_hides_nothing_behind_it() -> None:
    log = new_log()
    add(log, packed(b"garbage", 1, codec=0))
    add(log, packed(b"garbage", 1))
    found = log.offset_for_timestamp(5)
    assert found is not None and (found.offset, found.timestamp) == (0, NOW_MS)
    largest = log.offset_of_max_timestamp()
    assert largest is not None and largest.timestamp == NOW_MS


def test_times_that_leave_an_int64_are_not_answered() -> None:
    log = new_log()
    add(log, packed(encode_record(2**63 - 5, 0, None, b"v"), 1, codec=0))
    found = log.offset_for_timestamp(5)
    assert found is not None and (found.offset, found.timestamp) == (0, NOW_MS)


def test_a_long_look_pauses_and_keeps_the_file_open_meanwhile() -> None:
    log = new_log(internal_segment_bytes=1 << 20)
    count = 50_000
    add(log, packed(encode_record(-5, 0, None, None) * count, count))
    steps = log.steps_for_timestamp(NOW_MS)
    assert next(steps) is not None  # it inflates elsewhere
    log.close()
    steps.close()


def test_compaction_keeps_a_batch_whole_that_holds_more_than_is_opened() -> None:
    count = MOST_RECORDS + 1
    data = packed(encode_record(0, 0, None, None) * count, count)
    retention = Retention(OffsetMap(1000, 0.9, 100), Transactions(()), {}, NOW_MS, 0)
    kept = retention.of_batch(parse_header(data), memoryview(data))
    assert kept is not None and kept.data == data
