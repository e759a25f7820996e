"""How many groups a broker may hold, over all its machines (ottla.max.groups)."""

from __future__ import annotations

from collections.abc import Callable

_RECOUNT_AFTER_MS = 1000


class Room:
    """Counts the groups that are made; those that go are noticed by a count of all, when it is full.

    A count visits every group, so it is made at most once a second, and once after machines were loaded.
    """

    def __init__(self, limit: int, count: Callable[[], int]) -> None:
        self.limit = limit
        self.refused = 0
        self._count = count
        self._used: int | None = None
        self._counted_ms = 0

    def take(self, now_ms: int) -> bool:
        """One more group; False if there are too many."""
        used = self._used
        if used is None or (used >= self.limit and not 0 <= now_ms - self._counted_ms < _RECOUNT_AFTER_MS):
            used = self._used = self._count()
            self._counted_ms = now_ms
        if used >= self.limit:
            self.refused += 1
            return False
        self._used = used + 1
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
