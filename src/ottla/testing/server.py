"""What `create_server` returns on the simulated network, and the little that code asks of a socket."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

from ottla.testing.network import LOCAL_NAMES, Factory, Listener, SimNetwork
from ottla.testing.process import current_process


class SimSocket:
    """The little that code asks of `get_extra_info("socket")` and `server.sockets`."""

    def __init__(self, local: tuple[str, int], remote: tuple[str, int] | None = None) -> None:
        self._local = local
        self._remote = remote
        self.options: list[tuple[object, ...]] = []

    def getsockname(self) -> tuple[str, int]:
        return self._local

    def getpeername(self) -> tuple[str, int]:
        if self._remote is None:
            raise OSError(errno.ENOTCONN, "not connected")
        return self._remote

    def fileno(self) -> int:
        """As of a socket that has none any more."""
        return -1

    def setsockopt(self, *option: object) -> None:
        self.options.append(option)


class SimServer(asyncio.AbstractServer):
    """What `create_server` returns."""

    def __init__(self, network: SimNetwork, factory: Factory, hosts: list[str | None] | list[str], port: int) -> None:
        self._network = network
        self._process = current_process(network.loop.main_process)
        self._factory = factory
        self._port = port if port else network.free_port(self._process.host)
        names = [self._process.host if host is None or host in LOCAL_NAMES else host for host in hosts]
        self._addresses = [(name, self._port) for name in dict.fromkeys(names)]
        shown = [host or "0.0.0.0" for host in hosts]
        self._sockets = tuple(SimSocket((host, self._port)) for host in shown)
        self._serving = False

    @property
    def sockets(self) -> tuple[Any, ...]:
        return self._sockets

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._network.loop

    def is_serving(self) -> bool:
        return self._serving

    async def start_serving(self) -> None:
        """Raises OSError(EADDRINUSE)."""
        for name, port in self._addresses:
            if (name, port) in self._network.listeners:
                raise OSError(errno.EADDRINUSE, f"{name}:{port} is in use")
        for address in self._addresses:
            self._network.listeners[address] = Listener(self._factory, self._process, self._port)
        self._serving = True

    async def serve_forever(self) -> None:
        await self.start_serving()
        await self._network.loop.create_future()

    def close(self) -> None:
        """Stops listening; accepted connections stay."""
        if self._serving:
            self._serving = False
            for address in self._addresses:
                self._network.listeners.pop(address, None)

    async def wait_closed(self) -> None:
        """The port is closed when `close` returns, so there is nothing to wait for."""
