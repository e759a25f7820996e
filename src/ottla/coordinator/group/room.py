"""How much a broker holds of groups, their members and committed offsets, over all its machines.

The settings are ottla.max.groups, ottla.max.group.bytes and ottla.max.offset.bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from ottla.coordinator.room import ByteRoom

_RECOUNT_AFTER_MS = 1000
_CHARACTERS_OF_ONE = 256


def weight_of(group_id: str) -> int:
    """How many groups one of this name counts as: it may be 32,000 characters long."""
    return 1 + len(group_id) // _CHARACTERS_OF_ONE


class Room:
    """Counts the groups that are made; those that go are noticed by a count of all, when it is full.

    A count visits every group, so it is made at most once a second, and once after machines were loaded. `offsets`: the
    room for what the groups have committed.
    """

    def __init__(self, limit: int, count: Callable[[], int], offsets: ByteRoom | None = None) -> None:
        self.limit = limit
        self.offsets = offsets or ByteRoom()
        self.refused = 0
        self._count = count
        self._used: int | None = None
        self._counted_ms = 0

    def take(self, group_id: str, now_ms: int) -> bool:
        """One more group; False if there are too many."""
        used = self._used
        if used is None or (used >= self.limit and not 0 <= now_ms - self._counted_ms < _RECOUNT_AFTER_MS):
            used = self._used = self._count()
            self._counted_ms = now_ms
        if used >= self.limit:
            self.refused += 1
            return False
        self._used = used + weight_of(group_id)
        return True

    def forget(self) -> None:
        """A machine was loaded, or went: count anew."""
        self._used = None


class MemberRoom:
    """How many bytes the members of all groups of a broker may have sent (ottla.max.group.bytes).

    As `Room`: what comes is added, what went is noticed by a count when it is full, at most once a second.
    """

    def __init__(self, limit_bytes: int, count: Callable[[], int]) -> None:
        self.limit_bytes = limit_bytes
        self.refused = 0
        self._count = count
        self._used_bytes = 0
        self._counted_ms: int | None = None

    def take(self, size_bytes: int, now_ms: int) -> bool:
        """So many more; False if there are too many."""
        if self._used_bytes + size_bytes > self.limit_bytes:
            last_ms = self._counted_ms
            if last_ms is None or not 0 <= now_ms - last_ms < _RECOUNT_AFTER_MS:
                self._used_bytes = self._count()
                self._counted_ms = now_ms
            if self._used_bytes + size_bytes > self.limit_bytes:
                self.refused += 1
                return False
        self._used_bytes += size_bytes
        return True
