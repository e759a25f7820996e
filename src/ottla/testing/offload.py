"""`SimOffload`: the `Offload` port in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ottla.storage.files import Job, WorkerDied, WorkerStarved
from ottla.testing.clock import SimRandom

if TYPE_CHECKING:
    from ottla.testing.files import SimFiles

Result = TypeVar("Result")


class SimOffload:
    """Runs a call as a step of its own after a seeded delay; its result comes back after another.

    So other events happen before the call and between the call and the moment that its caller knows the result.

    files: the disk that jobs of the worker work on. worker_dies_after: so many steps of jobs from now the worker ends,
    and the job with `worker_ends_with`.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, random: SimRandom, latency_s: tuple[float, float] = (0.0001, 0.005)
    ) -> None:
        self._loop = loop
        self._random = random
        self.latency_s = latency_s
        self.running = 0
        self.files: SimFiles | None = None
        self.worker_dies_after: int | None = None
        self.worker_ends_with: type[WorkerDied | WorkerStarved] = WorkerDied

    async def run(self, call: Callable[[], Result]) -> Result:
        future: asyncio.Future[Result] = self._loop.create_future()
        self.running += 1
        self._loop.call_later(self._delay(), self._call, call, future)
        return await future

    async def run_worker(self, job: Job) -> AsyncGenerator[Any, None]:
        """Each step of the job is a step of the simulation, and the rest that its speed limit asks for is taken."""
        assert self.files is not None, "a worker needs a disk"
        steps = job.steps(self.files)
        rest_s = 0.0
        while True:
            if self.worker_dies_after is not None:
                self.worker_dies_after -= 1
                if self.worker_dies_after < 0:
                    self.worker_dies_after = None
                    raise self.worker_ends_with("the simulated worker ended")
            if rest_s > self.latency_s[1]:
                await asyncio.sleep(rest_s)
            step = await self.run(lambda: next(steps, None))
            if step is None:
                return
            rest_s = step.size_bytes / max(job.max_bytes_per_second, 1.0)
            if step.report is not None:
                yield step.report

    async def end_worker(self) -> None:
        """There is none between two jobs."""

    def _delay(self) -> float:
        return self._random.between(*self.latency_s)

    def _call(self, call: Callable[[], Result], future: asyncio.Future[Result]) -> None:
        """A `Crashed` goes on to the loop: the process that made the call is dead and gets no answer."""
        self.running -= 1
        try:
            result = self._in_thread(call)
        except Exception as error:
            self._loop.call_later(self._delay(), _fail, future, error)
        else:
            self._loop.call_later(self._delay(), _succeed, future, result)

    def _in_thread(self, call: Callable[[], Result]) -> Result:
        files = self.files
        if files is None:
            return call()
        files.in_thread = True
        try:
            return call()
        finally:
            files.in_thread = False


def _succeed(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Result], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
