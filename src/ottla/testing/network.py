"""`SimNetwork`: hosts, listeners and connections in memory, with seeded latency and faults.

Within one direction of one connection bytes arrive in order, as TCP has it; between connections nothing is ordered. A
partition holds bytes back until it heals, since TCP would repeat them; a killed host resets its connections; a host
without power says nothing at all.

Names: a server that binds to no host, a wildcard or a loopback address is reached by the name of the host it runs on,
and from that host by loopback. Any other name that it binds to is an alias of its host.
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ottla.testing.clock import SimRandom
from ottla.testing.memory import ReceiveBuffers
from ottla.testing.process import SimProcess, current_process
from ottla.testing.trace import Trace

if TYPE_CHECKING:
    from ottla.testing.loop import SimLoop
    from ottla.testing.transport import SimTransport

LOCAL_NAMES = frozenset(("", "0.0.0.0", "::", "::1", "127.0.0.1", "localhost"))
CONNECT_TIMEOUT_S = 127.0
"""How long Linux tries before it gives a connection up."""
FIRST_FREE_PORT = 40_000

Factory = Callable[[], asyncio.BaseProtocol]


@dataclass(slots=True)
class Link:
    """How bytes travel between two hosts.

    latency_s: least and most seconds for one write. bytes_per_second: None is without limit.
    reset_probability, stall_probability: for each write, that the connection breaks, or that a lost packet delays it by
    `stall_s`. chunk_probability: for each read, that the reader gets only a part of what has arrived.
    """

    latency_s: tuple[float, float] = (0.0001, 0.001)
    bytes_per_second: float | None = None
    reset_probability: float = 0.0
    stall_probability: float = 0.0
    stall_s: tuple[float, float] = (0.2, 2.0)
    chunk_probability: float = 0.1


@dataclass(slots=True)
class Listener:
    """Somebody accepts connections on a port of a host."""

    factory: Factory
    process: SimProcess
    port: int


@dataclass(slots=True, eq=False)
class _Attempt:
    """A connection that is being made."""

    factory: Factory
    local: SimProcess
    address: tuple[str, int]
    waiter: asyncio.Future[tuple[asyncio.Transport, asyncio.BaseProtocol]]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)


class SimNetwork:
    """All hosts of a simulation and what connects them.

    default: the link between hosts for which `links` holds none. window_bytes: what a connection takes in one direction
    before the writer's own buffer fills (the sockets' buffers).
    """

    def __init__(self, random: SimRandom, trace: Trace | None = None, default: Link | None = None) -> None:
        self.random = random
        self.trace = trace
        self.default = default if default is not None else Link()
        self.links: dict[tuple[str, str], Link] = {}
        self.window_bytes = 128 * 1024
        self.context = contextvars.Context()
        """Of what the network does by itself, on behalf of no process."""
        self.connections: dict[int, SimTransport] = {}
        """Open ends of connections by number, in order of creation."""
        self.listeners: dict[tuple[str, int], Listener] = {}
        self.receive_buffers = ReceiveBuffers()
        self.processes: list[SimProcess] = []
        self._loop: SimLoop | None = None
        self._cut: dict[tuple[str, str], None] = {}
        self._off: dict[str, None] = {}
        self._delayed: list[_Attempt] = []
        self._last_number = 0
        self._last_port: dict[str, int] = {}

    def attach(self, loop: SimLoop) -> None:
        assert self._loop is None, "a network belongs to one loop"
        self._loop = loop

    @property
    def loop(self) -> SimLoop:
        assert self._loop is not None, "the network has no loop yet"
        return self._loop

    # -- faults ----------------------------------------------------------------------------------------------------

    def partition(self, one: str, other: str, *, both_ways: bool = True) -> None:
        """Nothing gets from `one` to `other` (nor back) until healed. Connections stay open and hold their bytes."""
        self._note(f"partition {one} {other} {both_ways}")
        self._cut[one, other] = None
        if both_ways:
            self._cut[other, one] = None

    def isolate(self, host: str, others: list[str]) -> None:
        for other in others:
            self.partition(host, other)

    def heal(self, one: str | None = None, other: str | None = None) -> None:
        """Ends the partition between two hosts, or every one; what was held back goes on its way."""
        self._note(f"heal {one} {other}")
        if one is None or other is None:
            self._cut.clear()
        else:
            self._cut.pop((one, other), None)
            self._cut.pop((other, one), None)
        self._go_on()

    def reset(self, one: str, other: str) -> None:
        """Breaks every connection between two hosts."""
        self._note(f"reset {one} {other}")
        for transport in list(self.connections.values()):
            if transport.host == one and transport.peer_host == other:
                transport.break_connection()

    def kill(self, process: SimProcess, *, reset: bool = True) -> None:
        """The process is gone at once: its ports close, and the other side of each connection gets a reset."""
        self._note(f"kill {process.host} {reset}")
        process.alive = False
        self.processes = [other for other in self.processes if other is not process]
        listeners = {address: one for address, one in self.listeners.items() if one.process is process}
        for address in listeners:
            del self.listeners[address]
        transports = [transport for transport in self.connections.values() if transport.process is process]
        self.loop.bury((process, listeners, transports))
        for transport in transports:
            transport.vanish(reset=reset)

    def power_off(self, host: str) -> None:
        """All processes of the host are gone, silently: the others hear nothing, and whoever connects waits."""
        self._off[host] = None
        for process in [process for process in self.processes if process.host == host]:
            self.kill(process, reset=False)

    def power_on(self, host: str) -> None:
        """The host answers again: with resets for connections that it does not remember."""
        if host in self._off:
            self._note(f"power on {host}")
            del self._off[host]
            self._go_on()

    def blocked(self, source: str, target: str) -> bool:
        return (source, target) in self._cut or target in self._off or source in self._off

    def _go_on(self) -> None:
        for transport in list(self.connections.values()):
            transport.go_on()
        delayed, self._delayed = self._delayed, []
        for attempt in delayed:
            self._try(attempt)

    # -- what transports ask -----------------------------------------------------------------------------------------

    def link(self, source: str, target: str) -> Link:
        return self.links.get((source, target), self.default)

    def number(self, transport: SimTransport) -> int:
        self._last_number += 1
        self.connections[self._last_number] = transport
        return self._last_number

    def free_port(self, host: str) -> int:
        port = self._last_port.get(host, FIRST_FREE_PORT - 1) + 1
        self._last_port[host] = port
        return port

    def _note(self, line: str) -> None:
        if self.trace is not None:
            self.trace.add(f"network {line}")

    # -- connecting --------------------------------------------------------------------------------------------------

    async def connect(self, factory: Factory, host: str, port: int) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        local = current_process(self.loop.main_process)
        name = local.host if host in LOCAL_NAMES else host
        attempt = _Attempt(factory, local, (name, port), self.loop.create_future())
        self._note(f"connect {local.host} to {name}:{port}")
        self.loop.call_later(self._latency(local.host, name), self._try, attempt)
        timeout = self.loop.call_later(CONNECT_TIMEOUT_S, _give_up, attempt)
        try:
            return await attempt.waiter
        finally:
            timeout.cancel()

    def _latency(self, source: str, target: str) -> float:
        return self.random.between(*self.link(source, target).latency_s)

    def _try(self, attempt: _Attempt) -> None:
        """The first packet arrives at the other host, or waits for the end of a partition."""
        from ottla.testing.transport import SimTransport

        if attempt.waiter.done() or not attempt.local.alive:
            return
        listener = self.listeners.get(attempt.address)
        source, target = attempt.local.host, listener.process.host if listener is not None else attempt.address[0]
        if self.blocked(source, target) or self.blocked(target, source):
            self._delayed.append(attempt)
            return
        back = self._latency(target, source)
        if listener is None:
            self.loop.call_later(back, _refuse, attempt)
            return
        near = (source, self.free_port(source))
        server = SimTransport(self, listener.process, (target, listener.port), near)
        client = SimTransport(self, attempt.local, near, (target, listener.port))
        server.peer, client.peer = client, server
        listener.process.run(self.loop.call_soon, server.open, listener.factory, None)
        attempt.context.run(self.loop.call_later, back, self._accepted, client, attempt)

    def _accepted(self, client: SimTransport, attempt: _Attempt) -> None:
        if attempt.waiter.done():
            client.vanish(reset=True)
            return
        client.open(attempt.factory, attempt.waiter)


def _refuse(attempt: _Attempt) -> None:
    if not attempt.waiter.done():
        host, port = attempt.address
        attempt.waiter.set_exception(ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens on {host}:{port}"))


def _give_up(attempt: _Attempt) -> None:
    if not attempt.waiter.done():
        host, port = attempt.address
        attempt.waiter.set_exception(TimeoutError(errno.ETIMEDOUT, f"no answer from {host}:{port}"))
