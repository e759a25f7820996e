"""`SimOffload`: the `Offload` port in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ottla.testing.clock import SimRandom

Result = TypeVar("Result")


class SimOffload:
    """Runs a call as a step of its own after a seeded delay; its result comes back after another.

    So other events happen before the call and between the call and the moment that its caller knows the result.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, random: SimRandom, latency_s: tuple[float, float] = (0.0001, 0.005)
    ) -> None:
        self._loop = loop
        self._random = random
        self.latency_s = latency_s
        self.running = 0

    async def run(self, call: Callable[[], Result]) -> Result:
        future: asyncio.Future[Result] = self._loop.create_future()
        self.running += 1
        self._loop.call_later(self._delay(), self._call, call, future)
        return await future

    def _delay(self) -> float:
        return self._random.between(*self.latency_s)

    def _call(self, call: Callable[[], Result], future: asyncio.Future[Result]) -> None:
        """A `Crashed` goes on to the loop: the process that made the call is dead and gets no answer."""
        self.running -= 1
        try:
            result = call()
        except Exception as error:
            self._loop.call_later(self._delay(), _fail, future, error)
        else:
            self._loop.call_later(self._delay(), _succeed, future, result)


def _succeed(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Result], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
