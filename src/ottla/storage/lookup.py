"""Finding records by time, and the aborted transactions of a range."""

from __future__ import annotations

from typing import NamedTuple

from ottla.records.batch import NO_TIMESTAMP
from ottla.records.record import Record, read_records
from ottla.storage.segment import Segment
from ottla.storage.segments import Segments


class FoundOffset(NamedTuple):
    """A record found by its timestamp."""

    offset: int
    timestamp: int
    leader_epoch: int


def offset_for_timestamp(segments: Segments, timestamp_ms: int, log_start: int) -> FoundOffset | None:
    """The first record at or after the time, and at or above `log_start`."""
    for segment in segments.from_offset(log_start):
        if segment.max_timestamp >= timestamp_ms and segment.size_bytes:
            found = _first_since(segment, timestamp_ms, log_start)
            if found is not None:
                return found
    return None


def _first_since(segment: Segment, timestamp_ms: int, log_start: int) -> FoundOffset | None:
    position = segment.position_of(max(segment.offset_before_time(timestamp_ms), log_start))
    while position is not None and position < segment.size_bytes:
        header = segment.header_at(position)
        if header.max_timestamp >= timestamp_ms and header.last_offset >= log_start:
            for record in _records(segment, position, header.size_bytes):
                if record.timestamp >= timestamp_ms and record.offset >= log_start:
                    return FoundOffset(record.offset, record.timestamp, header.leader_epoch)
        position += header.size_bytes
    return None


def _records(segment: Segment, position: int, size: int) -> list[Record]:
    return read_records(segment.open_file().pread(position, size))


def offset_of_max_timestamp(segments: Segments) -> FoundOffset | None:
    """The first record with the largest timestamp in these files, deleted by DeleteRecords or not: as Kafka."""
    best: Segment | None = None
    for segment in segments:
        if (
            segment.size_bytes
            and segment.max_timestamp >= NO_TIMESTAMP  # records without a time are found where no others are
            and (best is None or segment.max_timestamp > best.max_timestamp)
        ):
            best = segment
    return None if best is None else _first_since(best, best.max_timestamp, best.base_offset)


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
