"""Finding records by time, and the aborted transactions of a range."""

from __future__ import annotations

from typing import NamedTuple

from ottla.common.errors import KafkaError
from ottla.common.settings import LONG_MAX
from ottla.records.batch import NO_TIMESTAMP, BatchHeader
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
    """A batch whose records cannot be read is passed by; only where no other record fits, its header speaks for it."""
    unread: FoundOffset | None = None
    position = segment.position_of(max(segment.offset_before_time(timestamp_ms), log_start))
    while position is not None and position < segment.size_bytes:
        header = segment.header_at(position)
        if header.max_timestamp >= timestamp_ms and header.last_offset >= log_start:
            records = _records(segment, position, header)
            if records is None:
                unread = unread or FoundOffset(header.last_offset, header.max_timestamp, header.leader_epoch)
            for record in records or ():
                if record.timestamp >= timestamp_ms and record.offset >= log_start:
                    return FoundOffset(record.offset, min(record.timestamp, LONG_MAX), header.leader_epoch)
        position += header.size_bytes
    return unread


def _records(segment: Segment, position: int, header: BatchHeader) -> list[Record] | None:
    """Those whose offsets the batch has; None if they cannot be read, whatever a right CRC says."""
    try:
        records = read_records(segment.open_file().pread(position, header.size_bytes))
    except KafkaError:
        return None
    return [one for one in records if header.base_offset <= one.offset <= header.last_offset]


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
