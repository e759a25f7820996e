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

    @property
    def missing_bytes(self) -> int:
        """Of memory, until the whole frame has room that it has begun."""
        ...

    def resume_intake(self) -> None: ...


class Budget:
    """Bytes received and not handled, over all connections of a broker.

    A connection that asks for more than is left stops reading until others have given back. So that frames that are
    each half there cannot wait for one another for ever, some are let through when no complete frame is being handled:
    the one that has waited longest, however large it is, and those whose whole rest a reserve has room for, so that
    frames of common size need not wait for huge ones. The total stays below `limit_bytes` plus the reserve and one
    frame. What is let through and does not come on is for `stalled.py`.
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
        self._first: Payer | None = None
        self._reserved: dict[Payer, int] = {}  # what each has had of the reserve
        self._granted: dict[Payer, int] = {}  # and may take of that, still
        self._reserved_bytes = 0

    def take(self, payer: Payer, size_bytes: int) -> bool:
        """False: not now; `payer.resume_intake()` is called when it may ask again."""
        if self.used_bytes + size_bytes <= self.limit_bytes or self._may_exceed(payer, size_bytes):
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
        if payer is self._first:
            self._first = None
        if payer in self._reserved:
            self._reserved_bytes -= self._reserved.pop(payer)
            self._granted.pop(payer, None)
        if self._waiting:
            self._wake()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        return self.used_bytes > self.limit_bytes

    def is_beyond(self, payer: Payer) -> bool:
        """It was let through beyond the limit."""
        return payer is self._first or payer in self._reserved

    def asked(self) -> dict[Payer, int]:
        """Who waits, longest first, and for how many bytes."""
        return dict(self._waiting)

    def let_through(self) -> None:
        """Beyond the limit: the one that has waited longest, and those that the reserve has room for."""
        for payer, size_bytes in list(self._waiting.items()):
            if self._pass(payer, size_bytes):
                self._waiting.pop(payer, None)
                payer.resume_intake()

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

    def _may_exceed(self, payer: Payer, size_bytes: int) -> bool:
        if payer is self._first:
            return True
        if self._granted.get(payer, 0) < size_bytes and (self.serving_bytes or not self._pass(payer, size_bytes)):
            return False
        if payer is not self._first:
            self._granted[payer] -= size_bytes
        return True

    def _pass(self, payer: Payer, size_bytes: int) -> bool:
        """Lets it through if it is the first, or the reserve has all that it will want: it need not wait again."""
        if self._first is None:
            self._first = payer
        if payer is self._first:
            return True
        size_bytes = max(size_bytes, payer.missing_bytes)
        if self._reserved_bytes + size_bytes > self.reserve_bytes:
            return False
        self._reserved_bytes += size_bytes
        self._reserved[payer] = self._reserved.get(payer, 0) + size_bytes
        self._granted[payer] = self._granted.get(payer, 0) + size_bytes
        return True


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

    @property
    def whole_bytes(self) -> int:
        """Of the whole frame with its length; 0 while that is not known."""
        return self._end

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
