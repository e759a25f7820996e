"""Answers that clients have not taken yet: how much of them a broker holds in memory, over all its connections."""

from __future__ import annotations

from typing import Protocol

READ_AHEAD_BYTES = 256 * 1024
LEAN_BYTES = 8 * 1024
_LARGE_BYTES = 1024 * 1024
"""More than what is read ahead of a file range: an answer that was built."""


class Holder(Protocol):
    """A connection with answers that its client has not taken."""

    def abandon(self, reason: str) -> None: ...


class Unsent:
    """Decides how much of a file range is read next.

    While there is room, in chunks that are good for speed; without it, in small pieces. A client that reads gets its
    pieces as fast as its socket takes them, whatever silent ones hold, so nobody waits for memory; and a silent one
    adds no more than one piece. So the total stays below `limit_bytes` plus LEAN_BYTES for each connection.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self.closed = 0
        """Connections that were closed because they held too much."""
        self._holders: dict[Holder, int] = {}

    def add(self, holder: Holder, size_bytes: int) -> None:
        """The client of `holder` has not taken so many bytes.

        Pieces of file ranges stay small, but an answer that was built is in memory whole. When all are too much, of
        those who hold more than a piece the one that has not read for longest is closed, and so on; the newest answer
        always gets its chance, however large it is.
        """
        self.used_bytes += size_bytes
        self._holders[holder] = self._holders.get(holder, 0) + size_bytes
        while self.used_bytes > self.limit_bytes:
            others = (one for one, held in self._holders.items() if held > _LARGE_BYTES and one is not holder)
            slowest = next(others, None)
            if slowest is None:
                return
            self.closed += 1
            self.remove(slowest)
            slowest.abandon("its client does not take its answers, and all that wait are more than can be kept")

    def remove(self, holder: Holder) -> None:
        """They were taken, or the connection is gone."""
        self.used_bytes -= self._holders.pop(holder, 0)

    def chunk_bytes(self) -> int:
        return READ_AHEAD_BYTES if self.used_bytes + READ_AHEAD_BYTES <= self.limit_bytes else LEAN_BYTES
