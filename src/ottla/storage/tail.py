"""The end of a segment: how far its batches go, and why not further."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ottla.records.batch import (
    CRC_FROM,
    HEAD_BYTES,
    HEADER,
    HEADER_BYTES,
    LENGTH_AT,
    MAGIC,
    MINIMUM_LENGTH,
    BatchHeader,
    crc32c,
    parse_header,
)
from ottla.storage.files import File
from ottla.storage.kept import holds_only_zeros
from ottla.storage.repairs import Reason

ANY_OFFSET = 1 << 63
"""Above every offset: no CRC covers a batch's offset, and whatever it says now, the records may be whole."""
RELATIVE_MAX = (1 << 31) - 1
"""The largest offset of a batch, relative to its segment's base."""
_CHUNK_BYTES = 16 * 1024
_SEARCH_BYTES = 1 << 26
"""How far behind a damaged place a whole batch is looked for."""

OnHeader = Callable[[int, BatchHeader], None]


class Tail(NamedTuple):
    """Where the batches of a segment end."""

    position: int
    """Behind the last of them."""
    end_offset: int
    """The offset after it."""
    last_position: int
    last: BatchHeader | None
    """The last batch that was looked at, and where it begins."""
    first: BatchHeader | None


def most_of(base_offset: int) -> int:
    """No offset of a segment reaches this one."""
    return base_offset + RELATIVE_MAX + 1


def fits(header: BatchHeader, left: int, end_offset: int, next_offset: int) -> bool:
    """It may be the header of a batch with `left` bytes, with offsets from `next_offset` on and below `end_offset`."""
    last = header.last_offset
    return (
        header.magic == MAGIC
        and MINIMUM_LENGTH <= header.length <= left - LENGTH_AT
        and next_offset <= header.base_offset <= last
        and last < end_offset
    )


def walk(
    file: File, size: int, position: int, end_offset: int, next_offset: int, on_header: OnHeader | None = None
) -> Tail:
    """Steps over headers from `position` on, as far as each leads to the next. No CRC is looked at."""
    first, last, last_position = None, None, position
    start, chunk = position, b""
    while size - position >= HEADER_BYTES:
        at = position - start
        if at + HEADER_BYTES > len(chunk):
            start, at = position, 0
            chunk = file.pread(position, min(_CHUNK_BYTES, size - position))
            if len(chunk) < HEADER_BYTES:
                break
        header = BatchHeader._make(HEADER.unpack_from(chunk, at))
        if not fits(header, size - position, end_offset, next_offset):
            break
        if on_header is not None:
            on_header(position, header)
        first = first or header
        last, last_position = header, position
        next_offset = header.last_offset + 1
        position += header.size_bytes
    return Tail(position, next_offset, last_position, last, first)


def walk_all(file: File, size: int, base_offset: int, end_offset: int, on_header: OnHeader) -> None:
    """The same from the beginning to the end of a segment, with whole batches that lie behind damage."""
    position: int | None = 0 if size else None
    next_offset = base_offset
    while position is not None and position < size:
        tail = walk(file, size, position, end_offset, next_offset, on_header)
        next_offset, position = tail.end_offset, tail.position
        if position < size:
            position = next_whole(file, size, position, end_offset, next_offset)


def crc_at(file: File, position: int, header: BatchHeader) -> bool:
    """The CRC of the batch that begins at `position` is right."""
    batch = memoryview(file.pread(position, header.size_bytes))
    return len(batch) == header.size_bytes and bool(crc32c(batch[CRC_FROM:]) == header.crc)


def why_it_ends(file: File, size: int, position: int, next_offset: int) -> Reason:
    """What is at `position`, where a scan has stopped before the end of the file."""
    if holds_only_zeros(file, position, size):
        return Reason.ZEROS
    if size - position < HEADER_BYTES:
        return Reason.TORN
    header = parse_header(file.pread(position, HEADER_BYTES))
    if header.magic != MAGIC or header.length < MINIMUM_LENGTH:
        return Reason.GARBAGE
    if header.size_bytes > size - position:
        return Reason.TORN
    if not crc_at(file, position, header):
        return Reason.WRONG_CRC
    if leaps(file, size, header, position + header.size_bytes, next_offset):
        return Reason.LEAP
    return Reason.BACKWARDS if header.base_offset < next_offset else Reason.MISPLACED


def leaps(file: File, size: int, header: BatchHeader, after: int, next_offset: int) -> bool:
    """A batch that does not begin at `next_offset` is followed, at `after`, by a whole one that does not begin behind
    it: then its own offset is the damaged one. Compaction leaves gaps, and never goes back."""
    if size - after < HEADER_BYTES:
        return False
    following = parse_header(file.pread(after, HEADER_BYTES))
    return (
        next_offset <= following.base_offset <= header.last_offset
        and fits(following, size - after, ANY_OFFSET, next_offset)
        and crc_at(file, after, following)
    )


def holds_whole_batches(file: File, size: int, position: int, end_offset: int, next_offset: int = 0) -> bool:
    """A batch that is whole lies at `position` or behind it, with an offset from `next_offset` on."""
    return (
        _is_whole(file, size, position, end_offset, next_offset)
        or next_whole(file, size, position, end_offset, next_offset) is not None
    )


def next_whole(file: File, size: int, position: int, end_offset: int, next_offset: int) -> int | None:
    """Where the first whole batch begins behind the damage at `position`; None if there is none.

    Most damage leaves the length of a batch as it is, and then the next one is where it should be. Elsewhere each place
    is tried that holds the magic byte where a batch has it, behind its head.
    """
    if size - position >= HEADER_BYTES:
        header = parse_header(file.pread(position, HEADER_BYTES))
        after = position + header.size_bytes
        if header.length >= MINIMUM_LENGTH and _is_whole(file, size, after, end_offset, next_offset):
            return after
    window = file.pread(position, min(size - position, _SEARCH_BYTES))
    found = window.find(bytes([MAGIC]), HEAD_BYTES + 1)
    while found >= 0:
        at = position + found - HEAD_BYTES
        if _is_whole(file, size, at, end_offset, next_offset):
            return at
        found = window.find(bytes([MAGIC]), found + 1)
    return None


def _is_whole(file: File, size: int, position: int, end_offset: int, next_offset: int) -> bool:
    if size - position < HEADER_BYTES:
        return False
    header = parse_header(file.pread(position, HEADER_BYTES))
    return fits(header, size - position, end_offset, next_offset) and crc_at(file, position, header)
