"""A segment's `.log` file as a sequence of batches, broken ones included."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ottla.records.batch import HEADER_BYTES, MAGIC, MINIMUM_LENGTH, BatchHeader, crc_is_right, parse_header
from ottla.records.compression import CODEC_NAMES


class StoredBatch(NamedTuple):
    """A batch at its position in the file. data: the whole batch; a view, valid while the file is open."""

    position: int
    header: BatchHeader
    data: memoryview
    crc_is_right: bool

    def shape(self) -> dict[str, Any]:
        """For --json; the names are those of Kafka's own dump tool where it has one."""
        header = self.header
        return {
            "position": self.position,
            "size_bytes": header.size_bytes,
            "base_offset": header.base_offset,
            "last_offset": header.last_offset,
            "count": header.record_count,
            "leader_epoch": header.leader_epoch,
            "codec": codec_name(header.codec),
            "timestamp_type": "LogAppendTime" if header.attributes & 0x08 else "CreateTime",
            "base_timestamp": header.base_timestamp,
            "max_timestamp": header.max_timestamp,
            "producer_id": header.producer_id,
            "producer_epoch": header.producer_epoch,
            "base_sequence": header.base_sequence,
            "last_sequence": header.last_sequence,
            "transactional": header.is_transactional,
            "control": header.is_control,
            "crc": header.crc,
            "valid": self.crc_is_right,
        }


class Trailing(NamedTuple):
    """What stands after the last batch that can be told apart: a torn write, or something that is no log."""

    position: int
    size_bytes: int
    reason: str


def codec_name(codec: int) -> str:
    return CODEC_NAMES[codec] if codec < len(CODEC_NAMES) else f"codec {codec}"


def read_segment(path: Path) -> Iterator[StoredBatch | Trailing]:
    """Every batch in the file's order, and at the end what does not parse, if anything. Raises OSError."""
    size = path.stat().st_size
    if not size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        try:
            yield from _batches(view)
        finally:
            view.release()


def _batches(view: memoryview) -> Iterator[StoredBatch | Trailing]:
    position, size = 0, len(view)
    while position < size:
        if size - position < HEADER_BYTES:
            yield Trailing(position, size - position, "it is shorter than a batch's header")
            return
        header = parse_header(view, position)
        reason = _unreadable(header, size - position)
        if reason is not None:
            yield Trailing(position, size - position, reason)
            return
        data = view[position : position + header.size_bytes]
        try:
            yield StoredBatch(position, header, data, crc_is_right(data, header.crc))
        finally:
            data.release()
        position += header.size_bytes


def _unreadable(header: BatchHeader, left: int) -> str | None:
    """Why the batch's end is not known, or None."""
    if header.magic != MAGIC:
        return f"it has magic {header.magic}, only {MAGIC} can be read"
    if header.length < MINIMUM_LENGTH:
        return f"it announces {header.length} bytes, fewer than a header has"
    if header.size_bytes > left:
        return f"it announces {header.size_bytes} bytes, and {left} are there"
    return None
