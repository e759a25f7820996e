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
_LONG_AT_ONCE = 2
"""Requests with long work whose answers are being built, at a time: an answer may take 100 MiB."""
_OPENED_AT_ONCE = 2
"""Large batches that are inflated and looked at, at a time: each may take 128 MiB while it is."""


_LOOKED_AT_ONCE = 1
"""Of those, how many for somebody who looks for a time: who writes does not wait behind more than one of them."""


class Unheard(Exception):
    """Nobody is there to read the answer any more: a request that only reads ends here."""


class Reader(Protocol):
    """Who waits for an answer and changes nothing."""

    @property
    def unheard(self) -> bool:
        """Nobody will read it."""
        ...


class Places:
    """So many at a time; the others wait in the order in which they came."""

    def __init__(self, loop: AbstractEventLoop, free: int) -> None:
        self._loop = loop
        self._free = free
        self._waiting: deque[Future[None]] = deque()

    async def enter(self) -> None:
        if self._free:
            self._free -= 1
            return
        future: Future[None] = self._loop.create_future()
        self._waiting.append(future)
        await future

    def leave(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)  # the place changes hands
                return
        self._free += 1


class Turns:
    """The queue of those who have long work."""

    __slots__ = ("_loop", "_places", "_waiting", "paused")

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._places = Places(loop, _LONG_AT_ONCE)
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

    async def begin(self) -> None:
        """A request turns out to be long: few build long answers at a time, for each takes memory while it does."""
        await self._places.enter()

    def end(self) -> None:
        self._places.leave()

    def _wake(self) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():  # one whose task was cancelled takes no turn
                future.set_result(None)
                break
        if self._waiting:
            self._loop.call_soon(self._wake)


class Resting(Protocol):
    """A request at work."""

    @property
    def abandoned(self) -> bool:
        """The client has gone."""
        ...

    async def rest(self) -> None: ...


class LongWork:
    """What a long request holds until it is answered."""

    __slots__ = ("answered", "elements", "has_place")

    def __init__(self) -> None:
        self.elements = 0
        """Of the request, if it was decoded in slices."""
        self.answered = 0
        """Elements of its answer so far, where it is a kind of answer that may grow out of bounds."""
        self.has_place = False


class Pace:
    """Counts the work of one request, and waits for a turn whenever a slice of it is done."""

    __slots__ = ("_left", "_only_reads", "_request")

    def __init__(self, request: Resting, only_reads: bool) -> None:
        self._request = request
        self._only_reads = only_reads
        self._left = SLICE_ITEMS

    def due(self, items: int = 1) -> bool:
        """So many more were visited; whether it is time for `await pace.rest()`."""
        self._left -= items
        return self._left <= 0

    async def rest(self) -> None:
        """Others run. What an image, a group or a partition said before may have changed afterwards.

        Raises Unheard where the request only reads and its client has gone.
        """
        self._left = SLICE_ITEMS
        await self._request.rest()
        if self._only_reads and self._request.abandoned:
            raise Unheard


class Openings:
    """Takes the steps of opening batches (`records.opening`): slices on the loop, libraries in threads."""

    def __init__(self, loop: AbstractEventLoop, turns: Turns, offload: Offload) -> None:
        self._turns = turns
        self._offload = offload
        self._places = Places(loop, _OPENED_AT_ONCE)
        self._looks = Places(loop, _LOOKED_AT_ONCE)

    async def run(self, steps: Steps[Result]) -> Result:
        """The result of the steps, or their exception. Steps that never pause are taken at once."""
        try:
            step = next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        return await self._run(steps, step, None)

    async def look(self, steps: Steps[Result], reader: Reader) -> Result:
        """The same for somebody who only reads. Raises Unheard once nobody waits for it."""
        try:
            step = next(steps)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        await self._looks.enter()
        try:
            return await self._run(steps, step, reader)
        finally:
            self._looks.leave()

    async def _run(self, steps: Steps[Result], step: Any, reader: Reader | None) -> Result:
        await self._places.enter()
        try:
            return await self._take(steps, step, reader)
        finally:
            steps.close()
            self._places.leave()

    async def _take(self, steps: Steps[Result], step: Any, reader: Reader | None) -> Result:
        while True:
            if reader is not None and reader.unheard:
                raise Unheard
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
