"""A proxy between the cases and a broker that changes one answer: what the harness must notice."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from ottla.protocol.api import BY_NAME
from ottla.protocol.headers import read_request_header, read_response_header, response_frame
from ottla.protocol.message import Message

SWALLOW, CLOSE, STAY_OPEN, OTHER_NUMBER, BYTES_BEHIND, UNASKED = (
    "swallow",
    "close",
    "stay open",
    "number",
    "tail",
    "unasked",
)


@dataclass(frozen=True)
class Lie:
    """In the first run of `case`, the `nth` answer of `api` (from 0) is changed.

    change: what is done to the message, or one of the words above. path: the field in which it must be noticed, if it
    is one.
    """

    name: str
    case: str
    api: str
    change: Callable[[Message], object] | str
    nth: int = 0
    path: str | None = None


class LyingProxy:
    """One listener for one lie; without a lie it hands everything on."""

    def __init__(self, host: str, port: int, lie: Lie | None) -> None:
        self._host, self._port, self._lie = host, port, lie
        self._tasks: list[asyncio.Task[None]] = []
        self._seen = 0
        self.told = 0
        """How often the lie was told."""

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 24)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.append(asyncio.ensure_future(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(self._host, self._port, limit=1 << 24)
        asked: deque[tuple[int, int]] = deque()
        requests = asyncio.ensure_future(self._requests(reader, upstream_writer, writer, asked))
        try:
            await self._answers(upstream_reader, writer, asked)
        finally:
            requests.cancel()
            for one in (writer, upstream_writer):
                one.close()

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
        asked: deque[tuple[int, int]],
    ) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = await reader.readexactly(4)
                length = int.from_bytes(size, "big", signed=True)
                if not 8 <= length < 1 << 24:  # no request: it is handed on as it is
                    upstream.write(size + await reader.read(1 << 16))
                    continue
                body = await reader.readexactly(length)
                self._note(body, writer, asked)
                upstream.write(size + body)
            return
        with contextlib.suppress(OSError):
            upstream.write_eof()

    def _note(self, body: bytes, writer: asyncio.StreamWriter, asked: deque[tuple[int, int]]) -> None:
        key, version = int.from_bytes(body[:2], "big", signed=True), int.from_bytes(body[2:4], "big", signed=True)
        silent = False
        if key == 0 and version >= 3:
            with contextlib.suppress(Exception):
                header = read_request_header(body)
                request, _ = BY_NAME["Produce"].request_class().decode(version, body, header.body)
                silent = request.acks == 0  # type: ignore[attr-defined]
        if not silent:
            asked.append((key, version))
        elif self._lie is not None and self._lie.change == UNASKED:
            self.told += 1
            writer.write(b"\0\0\0\4" + body[4:8])

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: deque[tuple[int, int]]
    ) -> None:
        try:
            while True:
                size = await reader.readexactly(4)
                body = await reader.readexactly(int.from_bytes(size, "big"))
                key, version = asked.popleft() if asked else (-1, 0)
                for part in self._changed(key, version, size + body):
                    if part is None:
                        return
                    writer.write(part)
        except (asyncio.IncompleteReadError, ConnectionError):
            if self._lie is not None and self._lie.change == STAY_OPEN:
                self.told += 1
                await asyncio.get_running_loop().create_future()  # the harness hangs up first

    def _changed(self, key: int, version: int, frame: bytes) -> list[bytes | None]:
        lie = self._lie
        if lie is None or key != BY_NAME[lie.api].key or lie.change in (STAY_OPEN, UNASKED):
            return [frame]
        self._seen += 1
        if self._seen != lie.nth + 1:
            return [frame]
        self.told += 1
        if lie.change == SWALLOW:
            return []
        if lie.change == CLOSE:
            return [None]
        if lie.change == OTHER_NUMBER:
            number = int.from_bytes(frame[4:8], "big") + 1
            return [frame[:4] + number.to_bytes(4, "big") + frame[8:]]
        if lie.change == BYTES_BEHIND:
            return [(len(frame) - 4 + 3).to_bytes(4, "big") + frame[4:] + b"abc"]
        assert callable(lie.change)
        number, position = read_response_header(key, version, frame, 4)
        message, _ = BY_NAME[lie.api].response_class().decode(version, frame, position)
        lie.change(message)
        return [b"".join(response_frame(message, version, number))]
