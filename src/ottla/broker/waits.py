"""The waits of handlers: a future with a deadline, and nothing that needs a task."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop, Future

ROUNDING_S = 0.001
"""uvloop counts whole milliseconds of a clock that it reads once a turn: without this, deadlines fire too early."""


def _expire(future: Future[bool]) -> None:
    if not future.done():
        future.set_result(False)


async def until(loop: AbstractEventLoop, future: Future[bool], timeout_s: float) -> bool:
    """The future's result, or False when `timeout_s` has passed first."""
    if future.done():
        return future.result()
    timer = loop.call_later(timeout_s + ROUNDING_S if timeout_s > 0 else 0.0, _expire, future)
    try:
        return await future
    finally:
        timer.cancel()


class Gate:
    """Many may wait for the next opening; each opening wakes all who wait then."""

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Future[bool]] = []

    def open(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(True)

    async def passed(self, timeout_s: float) -> bool:
        """True at the next opening, False after `timeout_s`."""
        future: Future[bool] = self._loop.create_future()
        self._waiting.append(future)
        return await until(self._loop, future, timeout_s)


async def give_way() -> None:
    """Lets other connections run before long work goes on."""
    future: Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(_finish, future)
    await future


def _finish(future: Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def pause(loop: AbstractEventLoop, seconds: float) -> None:
    """Goes on after that time."""
    future: Future[bool] = loop.create_future()
    await until(loop, future, seconds)
