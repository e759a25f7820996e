"""How much a broker holds of groups, their members and committed offsets, over all its machines.

The settings are ottla.max.groups, ottla.max.group.bytes and ottla.max.offset.bytes.
"""

from __future__ import annotations

from collections.abc import Callable

_RECOUNT_AFTER_MS = 1000
_TOLD_EVERY_MS = 1000
_CHARACTERS_OF_ONE = 256
_UNLIMITED = 1 << 62


def weight_of(group_id: str) -> int:
    """How many groups one of this name counts as: it may be 32,000 characters long."""
    return 1 + len(group_id) // _CHARACTERS_OF_ONE


class OffsetRoom:
    """How many bytes the committed offsets of all groups of a broker may take (ottla.max.offset.bytes).

    Exact: `replay` of each machine counts in its share. What was committed once stays, also where a log that is loaded
    holds more; only what would come on top is refused.
    """

    def __init__(self, limit_bytes: int = _UNLIMITED, tell: Callable[[OffsetRoom], None] | None = None) -> None:
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


class OffsetShare:
    """What the offsets of one machine take of the room."""

    def __init__(self, room: OffsetRoom) -> None:
        self._room = room
        self.used_bytes = 0

    def add(self, size_bytes: int) -> None:
        self.used_bytes += size_bytes
        self._room.used_bytes += size_bytes

    def end(self) -> None:
        """The machine is discarded."""
        self.add(-self.used_bytes)


class Room:
    """Counts the groups that are made; those that go are noticed by a count of all, when it is full.

    A count visits every group, so it is made at most once a second, and once after machines were loaded. `offsets`: the
    room for what the groups have committed.
    """

    def __init__(self, limit: int, count: Callable[[], int], offsets: OffsetRoom | None = None) -> None:
        self.limit = limit
        self.offsets = offsets or OffsetRoom()
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
