"""Finding records by time, in steps (see `records.opening`), and the aborted transactions of a range."""

from __future__ import annotations

from typing import NamedTuple

from ottla.common.errors import CorruptMessage, MessageTooLarge
from ottla.records.batch import HEADER_BYTES, NO_TIMESTAMP, BatchHeader
from ottla.records.opening import MOST_RECORDS, Steps, first_since, inflate
from ottla.storage.segment import Segment
from ottla.storage.segments import Segments

_INFLATED_MAX_BYTES = 1 << 26
_SLICE_BATCHES = 500
"""Batches whose headers are read between two pauses: about 2 ms."""


class FoundOffset(NamedTuple):
    """A record found by its timestamp."""

    offset: int
    timestamp: int
    leader_epoch: int


def offset_for_timestamp(segments: Segments, timestamp_ms: int, log_start: int) -> Steps[FoundOffset | None]:
    """The first record at or after the time, and at or above `log_start`. A log that is truncated meanwhile makes the
    answer worth nothing."""
    for segment in segments.from_offset(log_start):
        if segment.max_timestamp >= timestamp_ms and segment.size_bytes:
            found = yield from _first_since(segment, timestamp_ms, log_start)
            if found is not None:
                return found
    return None


def _first_since(segment: Segment, timestamp_ms: int, log_start: int) -> Steps[FoundOffset | None]:
    """A batch that cannot be read, or not within the budget, is passed by; only where no other record fits, its header
    speaks for it."""
    unread: FoundOffset | None = None
    position = segment.position_of(max(segment.offset_before_time(timestamp_ms), log_start))
    segment.pins += 1  # the file stays open, whatever becomes of the segment between two steps
    try:
        seen = 0
        while position is not None and position < segment.size_bytes:
            header = segment.header_at(position)
            if header.max_timestamp >= timestamp_ms and header.last_offset >= log_start:
                try:
                    found = yield from _in_batch(segment, position, header, timestamp_ms, log_start)
                except (CorruptMessage, MessageTooLarge):
                    first = max(header.base_offset, log_start)  # who reads from there misses nothing
                    unread = unread or FoundOffset(first, header.max_timestamp, header.leader_epoch)
                    found = None
                if found is not None:
                    return found
            position += header.size_bytes
            seen += 1
            if seen % _SLICE_BATCHES == 0:
                yield None
        return unread
    finally:
        segment.unpin()


def _in_batch(
    segment: Segment, position: int, header: BatchHeader, timestamp_ms: int, log_start: int
) -> Steps[FoundOffset | None]:
    """The first such record of a batch. Raises CorruptMessage, MessageTooLarge."""
    if header.record_count > MOST_RECORDS:
        raise MessageTooLarge
    stored = memoryview(segment.open_file().pread(position, header.size_bytes))[HEADER_BYTES:]
    plain = yield from inflate(header.codec, stored, _INFLATED_MAX_BYTES)
    found = yield from first_since(header, plain, timestamp_ms, log_start)
    return None if found is None else FoundOffset(*found, header.leader_epoch)


def offset_of_max_timestamp(segments: Segments) -> Steps[FoundOffset | None]:
    """The first record with the largest timestamp in these files, deleted by DeleteRecords or not: as Kafka."""
    best: Segment | None = None
    for segment in segments:
        if (
            segment.size_bytes
            and segment.max_timestamp >= NO_TIMESTAMP  # records without a time are found where no others are
            and (best is None or segment.max_timestamp > best.max_timestamp)
        ):
            best = segment
    return None if best is None else (yield from _first_since(best, best.max_timestamp, best.base_offset))


def aborted_transactions(segments: Segments, from_offset: int, to_offset: int) -> list[tuple[int, int]]:
    """(producer id, first offset) of those that overlap [from, to), by first offset."""
    found: list[tuple[int, int]] = []
    for segment in segments.from_offset(from_offset):
        if not segment.has_txn_index:
            continue
        for entry in segment.aborted:
            if entry.last_offset >= from_offset and entry.first_offset < to_offset:
                found.append((entry.first_offset, entry.producer_id))
            if entry.last_stable_offset >= to_offset:
                break
        else:
            continue
        break
    return [(producer_id, first_offset) for first_offset, producer_id in sorted(found)]
