"""A piece of a segment's file, pinned while somebody sends it."""

from __future__ import annotations


class LogRange:
    """Whole record batches as stored, read from the file when asked for. Positions are relative, sizes bytes."""

    start_offset: int
    """Offset of the first batch; at or below the offset asked for."""
    end_offset: int
    """Where the next read goes on."""
    version: int
    """The log's version when it was read: void once the log's is higher."""

    def __len__(self) -> int: ...

    def read_all(self) -> bytes: ...

    def read(self, position: int, size: int) -> bytes: ...

    def release(self) -> None:
        """Unpins the segment. Idempotent."""
        ...
