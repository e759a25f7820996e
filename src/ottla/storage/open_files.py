"""How many files of segments are open at once: the ones not used for longest are closed."""

from __future__ import annotations

from typing import Protocol


class Closable(Protocol):
    pins: int
    used: bool

    def close_file(self) -> None: ...


class OpenFiles:
    """A second chance for each: who was used since the last round stays. Who is pinned stays anyway."""

    __slots__ = ("_open", "capacity")

    def __init__(self, capacity: int = 4096) -> None:
        self.capacity = capacity
        self._open: dict[Closable, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, owner: Closable) -> None:
        self._open[owner] = None
        if len(self._open) > self.capacity:
            self._evict(owner)

    def closed(self, owner: Closable) -> None:
        self._open.pop(owner, None)

    def _evict(self, newest: Closable) -> None:
        for _ in range(2 * len(self._open)):
            if len(self._open) <= self.capacity:
                return
            owner = next(iter(self._open))
            if owner is newest or owner.pins or owner.used:
                owner.used = False
                del self._open[owner]
                self._open[owner] = None
            else:
                owner.close_file()
