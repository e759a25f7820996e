"""Records inside a batch: decoding, and building batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

Buffer = bytes | bytearray | memoryview
Header = tuple[str, bytes | None]


class Record(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


def read_records(batch: Buffer, *, limit_bytes: int = 1 << 28) -> list[Record]:
    """All records of one batch, decompressed. Raises CorruptMessage."""
    ...


def read_all(buffer: Buffer) -> Iterator[Record]:
    """The records of all whole batches in the buffer, control batches left out."""
    ...


class BatchBuilder:
    """Builds one batch: `append` records, then `build`."""

    def __init__(
        self, *, codec: int = 0, level: int | None = None, base_offset: int = 0, leader_epoch: int = -1,
        producer_id: int = -1, producer_epoch: int = -1, base_sequence: int = -1, transactional: bool = False,
    ) -> None: ...

    def append(
        self, timestamp: int, key: bytes | None, value: bytes | None, headers: Sequence[Header] = ()
    ) -> int:
        """Adds a record; its index in the batch."""
        ...

    @property
    def size_bytes(self) -> int:
        """The batch's size so far, uncompressed."""
        ...

    def build(self) -> bytes: ...
