"""`ThreadOffload`: the `Offload` port of production, a few threads that start with the first call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Result = TypeVar("Result")


class ThreadOffload:
    """For fsync, reads of cold data and the like: calls that free the GIL nearly all their time, and nothing else.

    A thread that runs Python slows every call of the loop down to the GIL's switch interval.
    """

    def __init__(self, threads: int = 4) -> None:
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
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

    def close(self) -> None:
        """Waits for the calls at work. The next `run` would start new threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
