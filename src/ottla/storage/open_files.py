"""How many files of segments are open at once: the ones not used for longest are closed."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol


class Closable(Protocol):
    pins: int
    used: bool

    def close_file(self) -> None: ...


LOOKS = 8
"""Files looked at for each one opened, so that opening costs the same however many are open and pinned."""


class OpenFiles:
    """A second chance for each: who was used since the last round stays. Who is pinned stays anyway; so there may be
    more than `capacity` for a while, and each further opening closes what it finds unpinned, up to `LOOKS` of them."""

    __slots__ = ("_open", "capacity", "looks")

    def __init__(self, capacity: int = 4096) -> None:
        self.capacity = capacity
        self._open: OrderedDict[Closable, None] = OrderedDict()
        self.looks = 0
        """How many files were looked at so far, for tests that count work."""

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, owner: Closable) -> None:
        self._open[owner] = None
        if len(self._open) > self.capacity:
            self._evict(owner, len(self._open) - self.capacity, LOOKS)

    def closed(self, owner: Closable) -> None:
        self._open.pop(owner, None)

    def make_room(self) -> bool:
        """The system has no descriptor left: closes an eighth of what nobody reads. False: there is nothing."""
        before = len(self._open)
        self._evict(None, max(before // 8, 1), 2 * before)
        return len(self._open) < before

    def _evict(self, newest: Closable | None, count: int, looks: int) -> None:
        goal = len(self._open) - count
        for _ in range(min(looks, 2 * len(self._open))):
            if len(self._open) <= goal:
                return
            self.looks += 1
            owner = next(iter(self._open))
            if owner is newest or owner.pins or owner.used:
                owner.used = False
                self._open.move_to_end(owner)
            else:
                owner.close_file()
