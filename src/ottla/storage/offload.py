"""`ThreadOffload`: the `Offload` port of production, a few threads and a worker process, started by the first call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from ottla.storage.files import Job, WorkerDied, WorkerStarved

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from ottla.storage.worker import WorkerProcess

Result = TypeVar("Result")


class ThreadOffload:
    """Threads for fsync, reads of cold data and the like: calls that free the GIL nearly all their time, and nothing
    else. A thread that runs Python slows every call of the loop down to the GIL's switch interval: that is what the
    worker process is for.
    """

    def __init__(self, threads: int = 4) -> None:
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._worker: WorkerProcess | None = None
        self._patient = True
        """The next worker takes only idle time. One that starved is followed by one that competes."""
        self.running = 0

    async def run(self, call: Callable[[], Result]) -> Result:
        """The result of `call`, or its exception. A caller that is cancelled does not stop it."""
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._threads, "offload")
        self.running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        finally:
            self.running -= 1

    async def run_worker(self, job: Job) -> AsyncGenerator[Any, None]:
        """What the job reports, as it does. Raises what the job raises, WorkerDied and WorkerStarved.

        Who breaks off must close the generator: that ends the worker, which would go on with the job otherwise.
        """
        if self._worker is None:
            from ottla.storage.worker import WorkerProcess

            try:
                self._worker = await WorkerProcess.start(patient=self._patient)
            except OSError as error:  # not of the job's files
                raise WorkerDied(f"no worker process could be started: {error}") from error
        ended = False
        try:
            async for report in self._worker.run(job):
                yield report
            ended = self._patient = True
        except WorkerDied:
            raise
        except WorkerStarved:
            self._patient = False
            raise
        except Exception:
            ended = True  # the job's own: the worker is ready for the next
            raise
        finally:
            if not ended:
                await self.end_worker()

    async def end_worker(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.end()

    @property
    def worker_pid(self) -> int | None:
        """The worker process, if there is one."""
        return None if self._worker is None else self._worker.pid

    def close(self) -> None:
        """Waits for the calls at work. The next `run` would start new threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
