"""Reading a log to rebuild state from it: whole batches whose CRC is right, and what is passed over on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ottla.records.batch import CRC_FROM, HEADER, HEADER_BYTES, BatchHeader, crc32c
from ottla.storage.paths import LOG
from ottla.storage.segment import Segment
from ottla.storage.tail import fits, next_whole, why_it_ends


class Batch(NamedTuple):
    """A batch that is whole."""

    header: BatchHeader
    data: memoryview


class BadBatch(NamedTuple):
    """Bytes that are no whole batch, or whose CRC is wrong. Positions and sizes are bytes of the file."""

    path: str
    position: int
    size_bytes: int
    after_offset: int
    """The offset behind the last good batch before it: about where it lies."""
    reason: str


class Piece(NamedTuple):
    """Some of a segment."""

    batches: list[Batch]
    bad: list[BadBatch]
    position: int
    """Where the next piece begins; the segment's end when there is no more."""
    next_offset: int


def read_piece(segment: Segment, position: int, max_bytes: int, next_offset: int, end_offset: int) -> Piece:
    """The batches from `position` on that fit into `max_bytes`, one at least, with offsets below `end_offset`. Raises
    OSError."""
    file, size = segment.open_file(), segment.size_bytes
    data = memoryview(file.pread(position, min(max_bytes, size - position)))
    batches: list[Batch] = []
    at = 0
    while True:
        left = size - position - at
        if left == 0:
            return Piece(batches, [], size, next_offset)
        if at and len(data) - at < HEADER_BYTES <= left:
            return Piece(batches, [], position + at, next_offset)
        if len(data) - at < HEADER_BYTES:
            break
        header = BatchHeader._make(HEADER.unpack_from(data, at))
        if not fits(header, left, end_offset, next_offset):  # no CRC covers the offset
            break
        if header.size_bytes > len(data) - at:
            if at:
                return Piece(batches, [], position + at, next_offset)
            data = memoryview(file.pread(position, header.size_bytes))
        batch = data[at : at + header.size_bytes]
        if len(batch) < header.size_bytes or crc32c(batch[CRC_FROM:]) != header.crc:
            break
        batches.append(Batch(header, batch))
        at += header.size_bytes
        next_offset = header.last_offset + 1
    return _behind(segment, position + at, batches, next_offset, end_offset)


def _behind(segment: Segment, position: int, batches: list[Batch], next_offset: int, end_offset: int) -> Piece:
    """The piece ends at a bad batch; the next one begins behind it."""
    file, size = segment.open_file(), segment.size_bytes
    reason = why_it_ends(file, size, position, next_offset)
    after = next_whole(file, size, position, end_offset, next_offset)
    end = size if after is None else after
    bad = BadBatch(segment.path(LOG), position, end - position, next_offset, str(reason))
    return Piece(batches, [bad], end, next_offset)


def pieces(segment: Segment, from_offset: int, end_offset: int, max_bytes: int) -> Iterator[Piece]:
    """A whole segment, which ends at `end_offset`. Batches that end below `from_offset` are left out."""
    position, next_offset = 0, segment.base_offset
    while position < segment.size_bytes:
        piece = read_piece(segment, position, max_bytes, next_offset, end_offset)
        position, next_offset = piece.position, piece.next_offset
        yield piece._replace(batches=[one for one in piece.batches if one.header.last_offset >= from_offset])
