"""A piece of a segment's file, pinned while somebody sends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ottla.storage.segment import Segment


class LogRange:
    """Whole record batches as stored, read from the file when asked for. Positions are relative, sizes bytes.

    While it is held, the segment's file stays open, even if the segment is deleted meanwhile. A truncation is not held
    up: whoever reads compares `version` with the log's afterwards, and discards what was read under an older one.
    """

    __slots__ = ("_position", "_segment", "_size", "end_offset", "start_offset", "version")

    def __init__(
        self, segment: Segment | None, position: int, size: int, start_offset: int, end_offset: int, version: int
    ) -> None:
        self._segment = segment
        self._position = position
        self._size = size
        self.start_offset = start_offset
        """The offset that was asked for; the first batch may begin below it."""
        self.end_offset = end_offset
        """Where the next read goes on."""
        self.version = version
        if segment is not None:
            segment.pins += 1

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        return f"<LogRange {self._size} bytes to offset {self.end_offset}>"

    def read_all(self) -> bytes:
        return self.read(0, self._size)

    def read(self, position: int, size: int) -> bytes:
        """At most `size` bytes from `position` on; fewer at the end, or when the log was truncated. Raises OSError."""
        segment = self._segment
        size = min(size, self._size - position)
        if segment is None or size <= 0:
            return b""
        file = segment.file or segment.open_file()
        try:
            return file.pread(self._position + position, size)
        except OSError as error:
            error.filename = file.path  # whoever sends this knows no path
            raise

    def send_to(self, socket_fd: int, position: int, size: int) -> int:
        """Sends from the file to a socket that does not block, as `File.send_to` does; the number of bytes sent."""
        segment = self._segment
        size = min(size, self._size - position)
        if segment is None or size <= 0:
            return 0
        file = segment.file or segment.open_file()
        return file.send_to(socket_fd, self._position + position, size)

    def release(self) -> None:
        """Unpins the segment. Idempotent."""
        segment = self._segment
        if segment is not None:
            self._segment = None
            segment.unpin()
