"""Bytes from a server into frames. A frame that came in parts gets a buffer that grows with what has arrived."""

from __future__ import annotations

from struct import Struct

from ottla.protocol.codec import ProtocolError

_length = Struct(">i").unpack_from


class FrameReader:
    """Cuts a stream into frames. `max_bytes` bounds one frame, and so the memory of one connection."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._partial: bytearray | None = None
        self._wanted = 4
        """Bytes that the partial frame must have before it can be looked at again."""

    @property
    def held_bytes(self) -> int:
        return 0 if self._partial is None else len(self._partial)

    def feed(self, data: bytes) -> list[memoryview]:
        """The frames that `data` completes, without their lengths, in order.

        The views stay valid for ever: of `data`, or of a buffer that is the frame's own.
        Raises ProtocolError for a length below 0 or above the bound.
        """
        frames: list[memoryview] = []
        view, position = memoryview(data), 0
        while position < len(data):
            if self._partial is None:
                position = self._take_whole(view, position, frames)
                continue
            missing = self._wanted - len(self._partial)
            self._partial += view[position : position + missing]
            position = min(position + missing, len(data))
            if len(self._partial) == self._wanted:
                self._look(frames)
        return frames

    def _take_whole(self, view: memoryview, position: int, frames: list[memoryview]) -> int:
        """Frames that lie in `view` entirely; what remains begins a partial one. The position reached."""
        while len(view) - position >= 4:
            end = position + 4 + self._checked(_length(view, position)[0])
            if end > len(view):
                self._wanted = end - position
                break
            frames.append(view[position + 4 : end])
            position = end
        else:
            self._wanted = 4
        if position < len(view):
            self._partial = bytearray(view[position:])
        return len(view)

    def _look(self, frames: list[memoryview]) -> None:
        partial = self._partial
        assert partial is not None
        if self._wanted == 4:
            self._wanted += self._checked(_length(partial, 0)[0])
        if len(partial) == self._wanted:
            frames.append(memoryview(partial)[4:])
            self._partial = None
            self._wanted = 4

    def _checked(self, length: int) -> int:
        if not 0 <= length <= self.max_bytes:
            raise ProtocolError(
                f"the server announces a frame of {length} bytes; at most {self.max_bytes} are accepted"
            )
        return length
