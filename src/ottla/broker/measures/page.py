"""The page `/metrics`: made in slices, one at a time, and shared by all who ask for it meanwhile."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from ottla.broker import eager
from ottla.broker.turns import Turns
from ottla.common.metrics import Source, lines

_LINES_OF_A_STEP = 250
"""At about 1 us a line."""


def render(sources: Sequence[Source], chunks: list[bytes]) -> Iterator[None]:
    """All sources look, then all lines are written into `chunks`; others may run at each step."""
    for source in sources:
        yield from source.steps()
    written = lines(chain.from_iterable(source.families() for source in sources))
    while chunk := "".join(islice(written, _LINES_OF_A_STEP)):
        chunks.append(chunk.encode())
        yield


class MetricsPage:
    """Whoever asks while a page is being made gets that page: its numbers are no older than its making is long."""

    def __init__(self, loop: AbstractEventLoop, turns: Turns, sources: Sequence[Source]) -> None:
        self._loop = loop
        self._turns = turns
        self._sources = sources
        self._waiting: list[Future[bytes]] = []
        self.made = 0

    def __repr__(self) -> str:
        return f"<MetricsPage {self.made} made, {len(self._waiting)} waiting>"

    async def text(self) -> bytes:
        future: Future[bytes] = self._loop.create_future()
        self._waiting.append(future)
        if len(self._waiting) == 1:
            eager.spawn(self._make(), self._done)
        return await future

    async def _make(self) -> bytes:
        chunks: list[bytes] = []
        for _ in render(self._sources, chunks):
            await self._turns.next()
        return b"".join(chunks)

    def _done(self, page: bytes | None, error: BaseException | None) -> None:
        self.made += 1
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                assert page is not None
                future.set_result(page)
