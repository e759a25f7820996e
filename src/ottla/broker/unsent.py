"""Answers that clients have not taken yet: how much of them a broker holds in memory, over all its connections."""

from __future__ import annotations

READ_AHEAD_BYTES = 256 * 1024
LEAN_BYTES = 8 * 1024


class Unsent:
    """Decides how much of a file range is read next.

    While there is room, in chunks that are good for speed; without it, in small pieces. A client that reads gets its
    pieces as fast as its socket takes them, whatever silent ones hold, so nobody waits for memory; and a silent one
    adds no more than one piece. So the total stays below `limit_bytes` plus LEAN_BYTES for each connection.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0

    def chunk_bytes(self) -> int:
        return READ_AHEAD_BYTES if self.used_bytes + READ_AHEAD_BYTES <= self.limit_bytes else LEAN_BYTES
