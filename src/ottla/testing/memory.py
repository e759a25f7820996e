"""The two rules about memory that the simulated transport enforces in every run.

What is given to `write` must not change before it is delivered, since uvloop sends it from where it lies. What lies in
a receive buffer is the protocol's only until `buffer_updated` returns, since the next read overwrites it.
"""

from __future__ import annotations

import asyncio
import ctypes

from ottla.testing.errors import MemoryRuleBroken

POISON = 0xDD


class Held:
    """Memory that a protocol gave to `write` and that it may still reach: as it was then, and as it is."""

    __slots__ = ("now", "then")

    def __init__(self, data: bytearray | memoryview) -> None:
        self.now = memoryview(data)
        self.then = bytes(data)

    def check(self, label: str) -> None:
        if self.now.tobytes() != self.then:
            raise MemoryRuleBroken(f"{label}: {len(self.then)} bytes given to write() were changed before delivery")


class ReceiveBuffers:
    """Knows which receive buffers are used again for what comes next, and makes what they held unreadable.

    A protocol that assembles a large frame in memory of the frame's own asks for the place behind what it has, so that
    memory is left alone.
    """

    def __init__(self) -> None:
        self._reused: list[object] = []

    def spoil(self, protocol: asyncio.BufferedProtocol | None, buffer: memoryview, size: int) -> None:
        """Overwrites the `size` bytes that `protocol` has just received, if nobody may look at them any more.

        protocol: None if it may not be asked for its next buffer, since its connection is closing.
        """
        if self._is_reused(protocol, buffer, size):
            buffer[:size] = bytes((POISON,)) * size

    def _is_reused(self, protocol: asyncio.BufferedProtocol | None, buffer: memoryview, size: int) -> bool:
        if any(buffer.obj is known for known in self._reused):
            return True
        if protocol is None:
            return False
        following = memoryview(protocol.get_buffer(-1)).cast("B")
        if not len(following):
            return False
        start = _address(buffer)
        if not start <= _address(following) < start + size:
            return False
        self._reused.append(buffer.obj)
        return True


def _address(view: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(view))
