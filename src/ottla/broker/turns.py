"""Long work in slices, one slice in a turn of the loop, however many requests have long work.

A request that gives way by itself is fair to small requests only as long as it is alone: a hundred of them would still
put a hundred slices between two looks at the sockets. So all of them queue here.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from ottla.records.opening import Steps
    from ottla.storage.files import Offload

Result = TypeVar("Result")

SLICE_ITEMS = 200
"""Items of a request that a handler visits between two pauses: at 5 to 20 us each, 1 to 4 ms."""
_OPENED_AT_ONCE = 2
"""Large batches that are inflated and looked at, at a time: each may take 128 MiB while it is."""


class Turns:
    """The queue of those who have long work."""

    __slots__ = ("_loop", "_waiting", "paused")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Future[None]] = deque()
        self.paused = 0
        """How often somebody has waited for a turn."""

    def __repr__(self) -> str:
        return f"<Turns {len(self._waiting)} waiting>"

    async def next(self) -> None:
        """Goes on in a later turn of the loop, after all who asked before, each in a turn of its own."""
        future: Future[None] = self._loop.create_future()
        self._waiting.append(future)
        self.paused += 1
        if len(self._waiting) == 1:
            self._loop.call_soon(self._wake)
        await future

    def _wake(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():  # one whose task was cancelled takes no turn
                future.set_result(None)
                break
        if self._waiting:
            self._loop.call_soon(self._wake)


class HasTurns(Protocol):
    turns: Turns


class Resting(Protocol):
    """A request at work; it remembers that it had long work."""

    rested: bool

    @property
    def node(self) -> HasTurns: ...


class Pace:
    """Counts the work of one request, and waits for a turn whenever a slice of it is done."""

    __slots__ = ("_left", "_request")

    def __init__(self, request: Resting) -> None:
        self._request = request
        self._left = SLICE_ITEMS

    def due(self, items: int = 1) -> bool:
        """So many more were visited; whether it is time for `await pace.rest()`."""
        self._left -= items
        return self._left <= 0

    async def rest(self) -> None:
        """Others run. What an image, a group or a partition said before may have changed afterwards."""
        self._left = SLICE_ITEMS
        self._request.rested = True
        await self._request.node.turns.next()


class Openings:
    """Takes the steps of opening batches (`records.opening`): slices on the loop, libraries in threads."""

    def __init__(self, loop: AbstractEventLoop, turns: Turns, offload: Offload) -> None:
        self._loop = loop
        self._turns = turns
        self._offload = offload
        self._free = _OPENED_AT_ONCE
        self._waiting: deque[Future[None]] = deque()

    async def run(self, steps: Steps[Result]) -> Result:
        """The result of the steps, or their exception. Steps that never pause are taken at once."""
        try:
            step = next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        await self._enter()
        try:
            return await self._take(steps, step)
        finally:
            steps.close()
            self._leave()

    async def _take(self, steps: Steps[Result], step: Any) -> Result:
        while True:
            try:
                if step is None:
                    await self._turns.next()
                    step = steps.send(None)
                    continue
                try:
                    answer = await self._offload.run(step)
                except Exception as error:  # the step's own: its generator maps it
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]

    async def _enter(self) -> None:
        if self._free:
            self._free -= 1
            return
        future: Future[None] = self._loop.create_future()
        self._waiting.append(future)
        await future

    def _leave(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)  # the place changes hands
                return
        self._free += 1
