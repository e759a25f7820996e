"""A record batch (magic 2) from the outside: its 61-byte header, without a look at the records."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fastcrc import crc32

from ottla.common.errors import CorruptMessage

Buffer = bytes | bytearray | memoryview

HEADER_BYTES = 61
LENGTH_AT = 12
"""The length field counts the bytes after it; it ends here."""
MINIMUM_LENGTH = HEADER_BYTES - LENGTH_AT
CRC_FROM = 21
"""The CRC covers everything from here on, so base offset and leader epoch may be patched."""
HEAD_BYTES = 16
"""Base offset, length and leader epoch: what a broker patches."""

CODEC_MASK = 0x07
LOG_APPEND_TIME = 0x08
TRANSACTIONAL = 0x10
CONTROL = 0x20
DELETE_HORIZON = 0x40

NO_TIMESTAMP = -1
NO_PRODUCER_ID = -1
NO_SEQUENCE = -1
MAGIC = 2

HEADER = struct.Struct(">qiibIhiqqqhii")
HEAD = struct.Struct(">qii")
OFFSET_AND_LENGTH = struct.Struct(">qi")
_AFTER_CRC = struct.Struct(">hiqqqhii")
_MAGIC_AND_CRC = struct.Struct(">bI")

crc32c = crc32.iscsi


class BatchHeader(NamedTuple):
    """The header's fields in their order. Offsets, times in ms, sizes in bytes."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size_bytes(self) -> int:
        return self.length + LENGTH_AT

    @property
    def last_offset(self) -> int:
        return self.base_offset + self.last_offset_delta

    @property
    def codec(self) -> int:
        return self.attributes & CODEC_MASK

    @property
    def is_transactional(self) -> bool:
        return bool(self.attributes & TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        return bool(self.attributes & CONTROL)

    @property
    def last_sequence(self) -> int:
        """The sequence of the last record, wrapping from 2^31-1 to 0; -1 without a producer's sequence."""
        return last_sequence(self.base_sequence, self.last_offset_delta)


def last_sequence(base_sequence: int, last_offset_delta: int) -> int:
    if base_sequence < 0:
        return NO_SEQUENCE
    return (base_sequence + last_offset_delta) & 0x7FFFFFFF


def parse_header(buffer: Buffer, position: int = 0) -> BatchHeader:
    """Raises CorruptMessage when fewer than 61 bytes are left. Checks nothing else."""
    try:
        return BatchHeader._make(HEADER.unpack_from(buffer, position))
    except struct.error:
        raise CorruptMessage(f"a record batch needs {HEADER_BYTES} bytes at least") from None


def batches(buffer: Buffer) -> Iterator[tuple[int, BatchHeader]]:
    """(position, header) of each whole batch; stops at a partial one, as clients must (KIP-74).

    Raises CorruptMessage for a length that no batch has, or for a magic other than 2.
    """
    position, size = 0, len(buffer)
    while size - position >= HEADER_BYTES:
        header = BatchHeader._make(HEADER.unpack_from(buffer, position))
        check_outline(header)
        end = position + header.length + LENGTH_AT
        if end > size:
            return
        yield position, header
        position = end


def check_outline(header: BatchHeader) -> None:
    """Raises CorruptMessage unless this may be the header of a batch v2."""
    if header.magic != MAGIC:
        raise CorruptMessage(f"Invalid magic found in record: {header.magic}")
    if header.length < MINIMUM_LENGTH:
        raise CorruptMessage(
            f"Record batch is corrupted (the size {header.length} is smaller than the minimum allowed overhead "
            f"{MINIMUM_LENGTH})"
        )


def crc_is_right(batch: Buffer, crc: int) -> bool:
    """`batch` is exactly one batch."""
    return bool(crc32c(memoryview(batch)[CRC_FROM:]) == crc)


def patched_head(base_offset: int, length: int, leader_epoch: int) -> bytes:
    """The first 16 bytes of a batch with its place in a log."""
    return HEAD.pack(base_offset, length, leader_epoch)


def sealed_middle(header: BatchHeader, payload: Buffer) -> tuple[bytes, int]:
    """Bytes 16 to 61 of a batch with these fields and records, its CRC computed; and the CRC."""
    middle = _AFTER_CRC.pack(*header[5:])
    crc = crc32c(payload, crc32c(middle))
    return _MAGIC_AND_CRC.pack(header.magic, crc) + middle, crc


def assemble(header: BatchHeader, payload: Buffer) -> bytes:
    """A whole batch: length and CRC are computed, the other fields are taken as they are."""
    middle, _ = sealed_middle(header, payload)
    return b"".join(
        (HEAD.pack(header.base_offset, MINIMUM_LENGTH + len(payload), header.leader_epoch), middle, payload)
    )


def with_place(batch: Buffer, base_offset: int, leader_epoch: int) -> bytes:
    """A copy of one batch with another base offset and leader epoch."""
    (length,) = struct.unpack_from(">i", batch, 8)
    return HEAD.pack(base_offset, length, leader_epoch) + bytes(memoryview(batch)[HEAD_BYTES:])
