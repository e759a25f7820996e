"""A record batch (magic 2) from the outside: its 61-byte header, without a look at the records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

Buffer = bytes | bytearray | memoryview

HEADER_BYTES = 61


class BatchHeader(NamedTuple):
    """The header's fields in their order; `size_bytes` is the whole batch's."""

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
    count: int

    @property
    def size_bytes(self) -> int:
        return self.length + 12

    @property
    def last_offset(self) -> int:
        return self.base_offset + self.last_offset_delta

    @property
    def codec(self) -> int:
        return self.attributes & 7

    @property
    def is_transactional(self) -> bool:
        return bool(self.attributes & 0x10)

    @property
    def is_control(self) -> bool:
        return bool(self.attributes & 0x20)


def parse_header(buffer: Buffer, position: int = 0) -> BatchHeader: ...


def batches(buffer: Buffer) -> Iterator[tuple[int, BatchHeader]]:
    """(position, header) of each whole batch; stops at a partial one. Raises CorruptMessage."""
    ...
