"""Where a broker listens: each listener has a name, an address to bind and an address to advertise."""

from __future__ import annotations

from asyncio import AbstractServer
from typing import TYPE_CHECKING, NamedTuple

from ottla.broker.connection import Connection
from ottla.broker.intake import SHARED_BYTES, Budget

if TYPE_CHECKING:
    from ottla.broker.node import Node
    from ottla.broker.router import Router


class Address(NamedTuple):
    """A listener's name, host and port, as in `PLAINTEXT://127.0.0.1:9092`."""

    name: str
    host: str
    port: int


class Listener:
    """One listening socket and its connections. `internal`: this cluster's own brokers speak through it."""

    def __init__(self, bind: Address, advertised: Address, *, internal: bool = False) -> None:
        self.name = bind.name
        self.bind = bind
        self.advertised = advertised
        self.internal = internal
        self.connections: dict[Connection, None] = {}
        self.accepted = 0
        self._server: AbstractServer | None = None

    async def open(self, node: Node, router: Router, budget: Budget) -> None:
        """Binds and accepts. Raises OSError when the address is taken or not ours."""
        shared = node.receive_buffer
        max_bytes = node.settings.socket_request_max_bytes
        self._server = await node.loop.create_server(
            lambda: Connection(self, router, shared, budget, max_bytes),
            self.bind.host or None,
            self.bind.port,
            backlog=max(node.settings.socket_listen_backlog_size, 1024),
        )
        if self.bind.port == 0:
            port = self._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
            self.bind = self.bind._replace(port=port)
            if self.advertised.port == 0:
                self.advertised = self.advertised._replace(port=port)

    def opened(self, connection: Connection) -> None:
        self.accepted += 1
        self.connections[connection] = None

    def closed(self, connection: Connection) -> None:
        self.connections.pop(connection, None)

    def stop_accepting(self) -> None:
        if self._server is not None:
            self._server.close()

    def drain(self) -> None:
        for connection in tuple(self.connections):
            connection.drain()

    def close_idle(self, before: float) -> int:
        """Closes connections on which nothing arrived since `before` and nothing is at work; how many."""
        idle = [one for one in self.connections if one.active_at < before and one.idle]
        for connection in idle:
            connection.close("idle for longer than connections.max.idle.ms")
        return len(idle)

    def abort(self) -> None:
        for connection in tuple(self.connections):
            connection.abort()


def receive_buffer() -> memoryview:
    """The buffer that all connections of a broker receive into."""
    return memoryview(bytearray(SHARED_BYTES))
