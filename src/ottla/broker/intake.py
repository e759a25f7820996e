"""Bytes from a socket into frames, without ever holding more than has arrived.

All connections share one receive buffer: what one read brings is consumed before the next read begins, so an idle
connection costs no buffer. Only a frame that arrived in part gets a buffer of its own, which grows with the bytes that
came and never with the length that the frame announces (200 connections that announce 100 MB each cost nothing).
What all these buffers and the frames that wait behind a parked request hold together is bounded by `Budget`.
"""

from __future__ import annotations

from struct import Struct
from typing import Protocol

SHARED_BYTES = 256 * 1024
_SMALLEST_BUFFER = 4096

_length = Struct(">i").unpack_from


class Payer(Protocol):
    """A connection whose reading the budget may hold up."""

    def resume_intake(self) -> None: ...


class Budget:
    """Bytes received and not handled, over all connections of a broker.

    A connection that asks for more than is left stops reading until others have given back. So that frames that are
    each half there cannot wait for one another for ever, those that wait longest are let through when no complete frame
    is being handled: the first of them as far as it goes, others for a reserve. The total stays below `limit_bytes`
    plus the reserve and one frame. Frames that are let through and do not come on are `stalled.py`'s.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.reserve_bytes = limit_bytes // 4
        self.used_bytes = 0
        self.handling = 0
        """Requests whose handler waits."""
        self.serving_bytes = 0
        """Of the complete frames at work: they come back by themselves."""
        self._waiting: dict[Payer, int] = {}
        self._privileged: dict[Payer, int] = {}  # and what they took since
        self._reserved_bytes = 0

    def take(self, payer: Payer, size_bytes: int) -> bool:
        """False: not now; `payer.resume_intake()` is called when it may ask again."""
        if self.used_bytes + size_bytes <= self.limit_bytes:
            self.used_bytes += size_bytes
            return True
        if payer not in self._privileged and not self.serving_bytes and not self._waiting:
            self._privilege(payer, size_bytes)
        if payer in self._privileged and self._may_exceed(payer, size_bytes):
            self._privileged[payer] += size_bytes
            self._reserved_bytes += size_bytes
            self.used_bytes += size_bytes
            return True
        self._waiting[payer] = size_bytes
        return False

    def serve(self, size_bytes: int) -> None:
        """A complete frame of so many bytes goes to its handler; they were taken before."""
        self.serving_bytes += size_bytes

    def served(self, size_bytes: int) -> None:
        """It is not in memory any more."""
        self.serving_bytes -= size_bytes
        self.give(size_bytes)

    def give(self, size_bytes: int) -> None:
        self.used_bytes -= size_bytes
        assert self.used_bytes >= 0
        if self._waiting:
            self._wake()

    def forget(self, payer: Payer) -> None:
        """The frame of `payer` is complete, or its connection is gone."""
        self._waiting.pop(payer, None)
        taken = self._privileged.pop(payer, None)
        if taken is not None:
            self._reserved_bytes -= taken
            if self._waiting:
                self._wake()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        return self.used_bytes > self.limit_bytes

    def asked(self) -> dict[Payer, int]:
        """Who waits, longest first, and for how many bytes."""
        return dict(self._waiting)

    def let_through(self) -> None:
        """Those who wait longest, beyond the limit: all that the reserve has room for."""
        while self._waiting:
            payer = next((one for one in self._privileged if one in self._waiting), next(iter(self._waiting)))
            if not self._may_exceed(payer, self._waiting[payer]):
                return
            self._privilege(payer, self._waiting.pop(payer))
            payer.resume_intake()
            if payer in self._waiting:
                return  # it wants more than it has waited for

    def _wake(self) -> None:
        room = self.limit_bytes - self.used_bytes
        for payer, size_bytes in list(self._waiting.items()):
            if size_bytes > room:
                break
            room -= size_bytes
            self._waiting.pop(payer, None)
            payer.resume_intake()
        if self._waiting and not self.serving_bytes:
            self.let_through()

    def _privilege(self, payer: Payer, size_bytes: int) -> None:
        if self._may_exceed(payer, size_bytes):
            self._privileged.setdefault(payer, 0)

    def _may_exceed(self, payer: Payer, size_bytes: int) -> bool:
        first = next(iter(self._privileged), payer)
        return payer is first or self._reserved_bytes + size_bytes <= self.reserve_bytes


class FrameTooLarge(Exception):
    """The length is negative, zero or above socket.request.max.bytes: the connection must be closed."""


class PartialFrame:
    """A frame of which a part has arrived, in a buffer of its own; never holds bytes of the next frame."""

    __slots__ = ("_buffer", "_end", "filled")

    def __init__(self, start: memoryview, max_bytes: int) -> None:
        """`start`: length prefix included, at least one byte."""
        self.filled = len(start)
        self._end = 0
        self._buffer = bytearray(max(_SMALLEST_BUFFER, 2 * self.filled))
        self._buffer[: self.filled] = start
        self._look(max_bytes)

    @property
    def capacity_bytes(self) -> int:
        return len(self._buffer)

    def room(self) -> memoryview:
        """Where the next bytes go. May be empty when the buffer must grow first."""
        stop = min(self._end, len(self._buffer)) if self._end else 4
        return memoryview(self._buffer)[self.filled : stop]

    def wanted_growth(self) -> int:
        """Bytes by which the buffer should grow before it can take more; 0 while there is room."""
        if not self._end or self.filled < len(self._buffer):
            return 0
        return min(self._end, 4 * self.filled) - len(self._buffer)

    def grow(self, size_bytes: int) -> None:
        larger = bytearray(len(self._buffer) + size_bytes)  # not resized in place: the transport may still hold a view
        larger[: self.filled] = self._buffer
        self._buffer = larger

    def received(self, count: int, max_bytes: int) -> bool:
        """True when the frame is complete. Raises FrameTooLarge as soon as the length is known to be."""
        self.filled += count
        if not self._end:
            self._look(max_bytes)
        return self._end != 0 and self.filled == self._end

    def body(self) -> memoryview:
        """The complete frame without its length. The buffer is this frame's own: the view stays valid."""
        return memoryview(self._buffer)[4 : self._end]

    def _look(self, max_bytes: int) -> None:
        if self.filled < 4:
            return
        (length,) = _length(self._buffer)
        check_length(length, max_bytes)
        self._end = length + 4


def check_length(length: int, max_bytes: int) -> None:
    if not 0 < length <= max_bytes:
        raise FrameTooLarge(f"a frame announces {length} bytes; 1 to {max_bytes} are allowed")
