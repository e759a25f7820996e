"""`SimLoop`: an asyncio event loop on virtual time.

Nothing waits: when no callback is ready the clock jumps to the next timer. The order of callbacks follows from the
order in which they were asked for and from the seed, never from ids, hashes or the operating system. Its network is a
`SimNetwork`; threads, subprocesses and real sockets do not exist on it.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, TypeVar

from ottla.testing.errors import Crashed, Deadlock, NotDeterministic, SimulationStuck, VirtualTimeExceeded
from ottla.testing.network import SimNetwork
from ottla.testing.process import PROCESS, SimProcess
from ottla.testing.server import SimServer
from ottla.testing.trace import Trace

Result = TypeVar("Result")

STEPS_AT_ONE_TIME = 1_000_000
"""Callbacks without the clock moving after which the run is declared stuck."""


class SimFuture(asyncio.Future[Any]):
    """A future that gives way even when it is done already: others run at every await, as they may in production."""

    def __await__(self) -> Generator[Any, None, Any]:
        if self.done():
            yield
        return (yield from super().__await__())

    __iter__ = __await__


class SimLoop(asyncio.AbstractEventLoop):
    """See the module's text.

    limit_s: virtual seconds after which the run is ended with VirtualTimeExceeded.
    steps: callbacks run so far.
    failures: errors nobody handled (a callback raised, a failed task was never awaited), in order. The first one ends
        the run, unless `on_failure` is set.
    """

    def __init__(self, network: SimNetwork, trace: Trace | None = None, limit_s: float = 7 * 86_400.0) -> None:
        self.network = network
        self.trace = trace
        self.limit_s = limit_s
        self.steps = 0
        self.failures: list[BaseException] = []
        self.on_failure: Callable[[BaseException], None] | None = None
        self.main_process = SimProcess("localhost")
        self._now = 0.0
        self._sequence = 0
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._steps_at_advance = 0
        self._stopping = False
        self._closed = False
        self._thread: int | None = None
        self._tasks = 0
        self._graveyard: list[object] = []
        self._debug = False
        network.attach(self)

    # -- time and callbacks ----------------------------------------------------------------------------------------

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        if self._thread is not None and threading.get_ident() != self._thread:
            raise NotDeterministic("another thread called into the simulated loop")
        return self.call_soon(callback, *args, context=context)

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._sequence += 1
        heapq.heappush(self._timers, (when, self._sequence, handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Called by TimerHandle.cancel; the heap drops it when its time comes."""

    # -- running ---------------------------------------------------------------------------------------------------

    def run_forever(self) -> None:
        """Until `stop()`. Raises Deadlock when nothing is left that could ever happen."""
        assert self._thread is None, "the loop is running already"
        hooks = sys.get_asyncgen_hooks()
        self._thread = threading.get_ident()
        asyncio._set_running_loop(self)
        sys.set_asyncgen_hooks(finalizer=self._finish_generator)
        try:
            while not self._stopping:
                self._turn()
        finally:
            self._stopping = False
            self._thread = None
            asyncio._set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)

    def run_until_complete(self, future: Any) -> Any:
        """The result of an awaitable, which runs as code of `main_process` unless it is a task already."""
        if asyncio.iscoroutine(future):
            future = self.main_process.run(self.create_task, future)
        future.add_done_callback(self._done)
        try:
            self.run_forever()
        finally:
            future.remove_done_callback(self._done)
        if not future.done():
            raise RuntimeError("the loop was stopped before the future was done")
        return future.result()

    def _done(self, _future: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopping = True

    def _turn(self) -> None:
        """Runs what is ready; if nothing is, first moves the clock to the next timer."""
        ready = self._ready
        if not ready:
            self._advance()
        run_process = PROCESS
        for _ in range(len(ready)):
            handle: Any = ready.popleft()
            if handle._cancelled:
                continue
            context = handle._context
            process = context.get(run_process)
            if process is not None and not process.alive:
                self._graveyard.append(handle)
                continue
            self.steps += 1
            try:
                context.run(handle._callback, *handle._args)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:
                if not (isinstance(error, Crashed) and process is not None and not process.alive):
                    self._failed(error)
            if self._stopping:
                return
        if self.steps - self._steps_at_advance > STEPS_AT_ONE_TIME:
            raise SimulationStuck(f"{STEPS_AT_ONE_TIME} callbacks ran at {self._now:.6f} s and time did not move")

    def _advance(self) -> None:
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        if not timers:
            raise Deadlock(self._now, self.waiting())
        when = timers[0][0]
        if when > self.limit_s:
            raise VirtualTimeExceeded(f"the run would go past {self.limit_s} virtual seconds")
        if when > self._now:
            self._now = when
            self._steps_at_advance = self.steps
            if self.trace is not None:
                self.trace.add(f"time {when!r}")
        while timers and timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(timers)[2])

    def _failed(self, error: BaseException) -> None:
        self.failures.append(error)
        if self.on_failure is None:
            raise error
        self.on_failure(error)

    def waiting(self) -> list[str]:
        """The tasks that are not done, each with the place where it waits, in order of creation."""
        tasks = [task for task in asyncio.all_tasks(self) if not task.done()]
        return [f"{task.get_name()} {_place(task)}" for task in sorted(tasks, key=_task_number)]

    def start_process(self, host: str) -> SimProcess:
        """A new process on a host; `process.run(call)` runs code as it, `network.kill(process)` ends it."""
        process = SimProcess(host)
        self.network.processes.append(process)
        return process

    # -- futures and tasks -----------------------------------------------------------------------------------------

    def create_future(self) -> asyncio.Future[Any]:
        return SimFuture(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, Result] | Generator[Any, None, Result],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[Result]:
        self._tasks += 1
        label = f"task-{self._tasks}" if name is None else f"task-{self._tasks}-{name}"
        return asyncio.Task(coro, loop=self, name=label, context=context)

    # -- network ---------------------------------------------------------------------------------------------------

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | list[str] | None = None,
        port: int = 0,
        *,
        ssl: object = None,
        sock: object = None,
        start_serving: bool = True,
        **_options: object,
    ) -> SimServer:
        """Port 0 takes a free one; `server.sockets[0].getsockname()` tells which. Socket options are ignored."""
        _refuse_tls_and_sockets(ssl, sock)
        hosts = [host] if host is None or isinstance(host, str) else host
        server = SimServer(self.network, protocol_factory, hosts, port)
        if start_serving:
            await server.start_serving()
        return server

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: object = None,
        sock: object = None,
        **_options: object,
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Raises ConnectionRefusedError where nobody listens, TimeoutError after 127 s where nobody answers."""
        _refuse_tls_and_sockets(ssl, sock)
        assert host is not None and port is not None, "a simulated connection needs host and port"
        return await self.network.connect(protocol_factory, host, port)

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> Any:
        raise NotDeterministic(f"{func!r} was sent to a thread; use the Offload port")

    # -- the rest of what asyncio asks for -------------------------------------------------------------------------

    def is_running(self) -> bool:
        return self._thread is not None

    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Drops everything that has not run. Tasks that still wait are closed, in order of creation."""
        assert self._thread is None, "a running loop cannot be closed"
        self._closed = True
        for task in sorted(asyncio.all_tasks(self), key=_task_number):
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            _close_coroutine(task.get_coro())
        self._ready.clear()
        self._timers.clear()
        self._graveyard.clear()

    def bury(self, remains: object) -> None:
        """Keeps what a killed process leaves until the loop is closed, with all its tasks.

        Otherwise the garbage collector would run their clean-up code, at a time that no seed decides.
        """
        self._graveyard.append((remains, asyncio.all_tasks(self)))

    def get_debug(self) -> bool:
        return self._debug

    def set_debug(self, enabled: bool) -> None:
        self._debug = enabled

    async def shutdown_asyncgens(self) -> None:
        """Nothing to do: generators are finished when they are dropped."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Nothing to do: there is no executor."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """What asyncio reports (a failed task that nobody awaited): kept, and raised at the end of the run."""
        error = context.get("exception")
        if isinstance(error, Crashed):
            return  # it has ended its process, which is all that it is for
        self.failures.append(error if error is not None else RuntimeError(str(context.get("message"))))

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        self.call_exception_handler(context)

    def _finish_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        if not self._closed:
            self.call_soon(self.create_task, generator.aclose())

    def __enter__(self) -> SimLoop:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _task_number(task: asyncio.Task[Any]) -> int:
    return int(task.get_name().split("-")[1])


def _close_coroutine(coroutine: Any) -> None:
    """Ends a coroutine that waits. What its clean-up code says or asks for no longer matters: the run is over."""
    for _ in range(10):
        try:
            coroutine.close()
        except BaseException:  # it asked to wait once more
            continue
        return


def _place(task: asyncio.Task[Any]) -> str:
    """The chain of coroutines from the task's own to the one that waits, with its line."""
    names: list[str] = []
    place = "has not begun"
    coroutine: Any = task.get_coro()
    while coroutine is not None and getattr(coroutine, "cr_frame", None) is not None:
        code = coroutine.cr_code
        names.append(code.co_qualname.rpartition(".<locals>.")[2])
        place = f"({code.co_filename.rpartition('/')[2]}:{coroutine.cr_frame.f_lineno})"
        coroutine = coroutine.cr_await
    return f"waits in {' > '.join(names)} {place}"


def _refuse_tls_and_sockets(ssl: object, sock: object) -> None:
    if ssl is not None:
        raise NotDeterministic("the simulated network has no TLS")
    if sock is not None:
        raise NotDeterministic("the simulated network has no operating-system sockets")
