"""Running a coroutine without a task: the caller steps it, and it costs nothing extra while it does not wait.

A task costs 8.5 us, a coroutine that never waits 0.4 us. So a connection steps its handler itself; when the handler
waits for a future, the future's callback steps on. Hence handlers await plain futures only: `asyncio.timeout`,
`asyncio.current_task` and task groups need a task and must not be used in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
Done = Callable[[Any, BaseException | None], None]


class Waiting:
    """A coroutine that waits. `done(result, error)` is called once, when it has ended."""

    __slots__ = ("_coroutine", "_done")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], future: Any, done: Done) -> None:
        self._coroutine = coroutine
        self._done = done
        self._wait_for(future)

    def _wait_for(self, future: Any) -> None:
        if future is None:  # a bare yield: go on in the next turn of the loop
            asyncio.get_running_loop().call_soon(self._step, None)
            return
        future._asyncio_future_blocking = False  # the promise that `Future.__await__` asks its driver for
        future.add_done_callback(self._step)

    def _step(self, _future: Any) -> None:
        try:
            future = self._coroutine.send(None)
        except StopIteration as stop:
            self._done(stop.value, None)
        except (Exception, asyncio.CancelledError) as error:
            self._done(None, error)
        else:
            self._wait_for(future)


def spawn(coroutine: Coroutine[Any, Any, Result], done: Done) -> None:
    """Steps `coroutine` now and whenever what it awaits is ready; `done(result, error)` when it ends, maybe at once."""
    try:
        future = coroutine.send(None)
    except StopIteration as stop:
        done(stop.value, None)
    except (Exception, asyncio.CancelledError) as error:
        done(None, error)
    else:
        Waiting(coroutine, future, done)
