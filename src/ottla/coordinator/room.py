"""Bounds on durable state that clients make: committed offsets (ottla.max.offset.bytes) and transactional ids
(ottla.max.transactional.id.bytes)."""

from __future__ import annotations

from collections.abc import Callable

_TOLD_EVERY_MS = 1000
_UNLIMITED = 1 << 62


def text_bytes(text: str) -> int:
    """At most, in memory."""
    return len(text) if text.isascii() else 4 * len(text)


class ByteRoom:
    """How many bytes of memory one kind of durable state may take, over all machines of a broker.

    Exact: `replay` of each machine counts in its share. What was written once stays, also where a log that is loaded
    holds more; only what would come on top is refused.
    """

    def __init__(self, limit_bytes: int = _UNLIMITED, tell: Callable[[ByteRoom], None] | None = None) -> None:
        """`tell` says that the limit is reached; it is called once a second at most."""
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self.refused = 0
        self._tell = tell
        self._told_ms: int | None = None

    def has(self, size_bytes: int, now_ms: int) -> bool:
        """Room for so many more. What takes no more than before always has."""
        if size_bytes <= 0 or self.used_bytes + size_bytes <= self.limit_bytes:
            return True
        self.refused += 1
        self._say(now_ms)
        return False

    def loaded(self, now_ms: int) -> None:
        """A machine has read its log."""
        if self.used_bytes > self.limit_bytes:
            self._say(now_ms)

    def _say(self, now_ms: int) -> None:
        if self._tell is not None and (self._told_ms is None or not 0 <= now_ms - self._told_ms < _TOLD_EVERY_MS):
            self._told_ms = now_ms
            self._tell(self)


class ByteShare:
    """What one machine takes of the room."""

    def __init__(self, room: ByteRoom) -> None:
        self._room = room
        self.used_bytes = 0

    def add(self, size_bytes: int) -> None:
        self.used_bytes += size_bytes
        self._room.used_bytes += size_bytes

    def end(self) -> None:
        """The machine is discarded."""
        self.add(-self.used_bytes)
