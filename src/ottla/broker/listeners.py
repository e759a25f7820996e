"""Where a broker listens: each listener has a name, an address to bind and an address to advertise."""

from __future__ import annotations

from asyncio import Server
from typing import TYPE_CHECKING

from ottla.broker.addresses import Address
from ottla.broker.connection import Connection
from ottla.broker.intake import SHARED_BYTES, Budget

if TYPE_CHECKING:
    from ssl import SSLContext

    from ottla.broker.node import Node
    from ottla.broker.router import Router

_LEAST_BACKLOG = 1024  # Kafka's default of 50 turns clients away when thousands connect at once


class Listener:
    """One listening socket and its connections. `internal`: this cluster's own brokers speak through it."""

    def __init__(self, bind: Address, advertised: Address, *, internal: bool = False) -> None:
        self.name = bind.name
        self.bind = bind
        self.advertised = advertised
        self.internal = internal
        self.ssl_context: SSLContext | None = None
        self.connections: dict[Connection, None] = {}
        self.accepted = 0
        self._server: Server | None = None

    @classmethod
    def internal_one(cls) -> Listener:
        """Stands for this broker's requests to itself; no socket belongs to it."""
        nowhere = Address("LOCAL", "127.0.0.1", 0)
        return cls(nowhere, nowhere, internal=True)

    async def bind_address(self, node: Node, router: Router, budget: Budget) -> None:
        """Takes the address, without accepting yet. Raises OSError when it is taken or not ours."""
        shared, unsent = node.receive_buffer, node.unsent
        max_bytes = node.settings.socket_request_max_bytes

        def connection() -> Connection:
            return Connection(self, router, shared, budget, unsent, max_bytes)

        async def bound(port: int) -> Server:
            return await node.loop.create_server(
                connection,
                None if self.bind.host == "::" else self.bind.host or None,  # Java's :: takes IPv4 as well
                port,
                ssl=self.ssl_context,
                backlog=max(node.settings.socket_listen_backlog_size, _LEAST_BACKLOG),
                start_serving=False,
            )

        self._server = await bound(self.bind.port)
        if self.bind.port == 0:
            ports = [one.getsockname()[1] for one in self._server.sockets]
            if len(set(ports)) > 1:  # a free port for IPv4 and another for IPv6: clients are told one
                self._server.close()
                self._server = await bound(ports[0])
            self.bind = self.bind._replace(port=ports[0])
        if self.advertised.port == 0:
            self.advertised = self.advertised._replace(port=self.bind.port)

    async def start(self) -> None:
        assert self._server is not None
        await self._server.start_serving()

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
