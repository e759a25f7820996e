"""A connection that sends what it is told and tells everything that comes back: answers, silence, how it was closed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

ANSWER_TIMEOUT_S = 20


@dataclass(frozen=True)
class Ended:
    """No answer: `how` is "eof", "reset" or "silence"."""

    how: str


class Wire:
    """Frames out and in. Answers come in the order of the requests, so `answer` takes turns by itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()
        self._end: Ended | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> Wire:
        return cls(*await asyncio.open_connection(host, port, limit=1 << 24))

    def send(self, data: bytes) -> None:
        if self._end is None:
            self._writer.write(data)

    async def answer(self, timeout_s: float = ANSWER_TIMEOUT_S) -> bytes | Ended:
        """The next frame. Two that wait get theirs in the order of their calls."""
        async with self._turn:
            if self._end is not None:
                return self._end
            try:
                async with asyncio.timeout(timeout_s):
                    size = int.from_bytes(await self._reader.readexactly(4), "big")
                    return await self._reader.readexactly(size)
            except asyncio.IncompleteReadError:
                self._end = Ended("eof")
            except ConnectionError:
                self._end = Ended("reset")
            except TimeoutError:
                self._end = Ended("silence")
            return self._end

    async def closed_within(self, timeout_s: float) -> bool:
        """Whether the other side hangs up by then. Nothing that was sent is lost."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._reader.at_eof() and self._reader.exception() is None:
                    await asyncio.sleep(0.01)
        except TimeoutError:
            return False
        return True

    @property
    def is_silent(self) -> bool:
        """A request was not answered in time, so none behind it will be."""
        return self._end == Ended("silence")

    def close(self) -> None:
        self._writer.close()
