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
    each half there cannot wait for one another for ever, the longest waiting connection is let through when no complete
    frame is being handled; the total stays below `limit_bytes` plus one frame.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0
        self.handling = 0
        """Requests whose handler waits: their memory comes back by itself."""
        self._waiting: dict[Payer, int] = {}
        self._privileged: Payer | None = None

    def take(self, payer: Payer, size_bytes: int) -> bool:
        """False: not now; `payer.resume_intake()` is called when it may ask again."""
        if self.used_bytes + size_bytes <= self.limit_bytes or payer is self._privileged:
            self.used_bytes += size_bytes
            return True
        self._waiting[payer] = size_bytes
        if self._privileged is None and self.handling == 0:
            self._let_through()
            if payer is self._privileged:
                self.used_bytes += size_bytes
                return True
        return False

    def give(self, size_bytes: int) -> None:
        self.used_bytes -= size_bytes
        assert self.used_bytes >= 0
        if self._waiting:
            self._wake()

    def forget(self, payer: Payer) -> None:
        """The frame of `payer` is complete, or its connection is gone."""
        self._waiting.pop(payer, None)
        if self._privileged is payer:
            self._privileged = None
            if self._waiting:
                self._wake()

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def _wake(self) -> None:
        room = self.limit_bytes - self.used_bytes
        for payer, size_bytes in list(self._waiting.items()):
            if size_bytes > room:
                break
            room -= size_bytes
            self._waiting.pop(payer, None)
            payer.resume_intake()
        if self._waiting and self._privileged is None and self.handling == 0:
            self._let_through()
            assert self._privileged is not None
            self._privileged.resume_intake()

    def _let_through(self) -> None:
        self._privileged = next(iter(self._waiting))
        self._waiting.pop(self._privileged)


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
